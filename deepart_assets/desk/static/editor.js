// Draws a mask, or strokes that correct the prediction, on the painting in the viewer.
import { say, write } from "./shared.js";
import { replaceState, state, viewer } from "./painting.js";

const $ = (id) => document.getElementById(id);
const SIDE = 2048;
const GAP = 5; // pixels between strokes of two colours, in which the edge is found
const COLOURS = { keep: "rgb(0 200 80)", drop: "rgb(230 40 40)" };
const here = location.pathname;

function canvasOf(width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  return [canvas, canvas.getContext("2d", { willReadFrequently: false })];
}

class Editor {
  constructor() {
    const factor = Math.min(1, SIDE / Math.max(state.width, state.height));
    this.width = Math.max(1, Math.round(state.width * factor));
    this.height = Math.max(1, Math.round(state.height * factor));
    [this.base] = canvasOf(this.width, this.height); // what was there, in alpha
    [this.layer, this.context] = canvasOf(this.width, this.height);
    this.strokes = [];
    this.undone = [];
    this.brush = "keep";
    this.kind = "mask";
    this.loading = true; // a stroke drawn now would be lost when the mask arrives
    this.version = state.mask.version; // what is replaced; another one by now is somebody else's
  }

  // Makes a mask's grey levels its alpha; strokes have an alpha of their own.
  async load(layer) {
    this.loading = true;
    $("save").disabled = true;
    const answer = await fetch(`${here}/mask/${layer}.png`);
    const [canvas, context] = canvasOf(this.width, this.height);
    if (answer.ok) {
      context.drawImage(await createImageBitmap(await answer.blob()), 0, 0, this.width, this.height);
      if (layer !== "strokes") {
        const pixels = context.getImageData(0, 0, this.width, this.height);
        for (let at = 0; at < pixels.data.length; at += 4) {
          pixels.data[at + 3] = pixels.data[at] >= 128 ? 255 : 0;
          pixels.data[at] = pixels.data[at + 1] = pixels.data[at + 2] = 255;
        }
        context.putImageData(pixels, 0, 0);
      }
    }
    this.base = canvas;
    this.strokes = [];
    this.undone = [];
    this.loading = false;
    $("save").disabled = false;
    this.replay();
  }

  async use(kind) {
    this.kind = kind;
    await this.load(kind === "strokes" ? "strokes" : "mask");
    if (kind === "strokes") await this.predict();
    this.changed();
  }

  // Under strokes the prediction is shown, which they correct.
  async predict() {
    const keep = [this.base, this.strokes];
    await this.load("prediction");
    this.prediction = this.base;
    [this.base, this.strokes] = keep;
    this.replay();
  }

  replay() {
    this.context.globalCompositeOperation = "copy";
    this.context.drawImage(this.base, 0, 0);
    this.context.globalCompositeOperation = "source-over";
    for (const stroke of this.strokes) this.draw_stroke(stroke, stroke.points);
    viewer.redraw();
  }

  draw_stroke({ brush, size }, points) {
    const context = this.context;
    const line = (width, colour, how) => {
      context.globalCompositeOperation = how;
      Object.assign(context, { lineWidth: width, lineCap: "round", lineJoin: "round", strokeStyle: colour });
      context.beginPath();
      context.moveTo(...points[0]);
      for (const point of points.length > 1 ? points.slice(1) : points) context.lineTo(point[0] + 0.01, point[1]);
      context.stroke();
      context.globalCompositeOperation = "source-over";
    };
    if (this.kind === "mask") line(size, "#fff", brush === "keep" ? "source-over" : "destination-out");
    else if (brush === "erase") line(size, "#000", "destination-out");
    else {
      line(size + 2 * GAP, "#000", "destination-out");
      line(size, COLOURS[brush], "source-over");
    }
  }

  get size() {
    return Math.max(1, ($("brush-size").value / viewer.scale) * viewer.ratio * this.width);
  }

  pixels([x, y]) {
    return [x * this.width, y * this.width];
  }

  down(point) {
    if (this.loading) return;
    this.stroke = { brush: this.brush, size: this.size, points: [this.pixels(point)] };
    this.strokes.push(this.stroke);
    this.undone = [];
    this.draw_stroke(this.stroke, this.stroke.points);
    this.changed();
  }

  move(point) {
    if (!this.stroke) return;
    const points = this.stroke.points;
    points.push(this.pixels(point));
    // Strokes of two colours keep apart at their ends, too: drawn as one when it is done.
    this.draw_stroke(this.stroke, points.slice(-2));
    viewer.redraw();
  }

  up() {
    if (!this.stroke) return;
    this.stroke = null;
    this.replay();
    this.changed();
  }

  cancel() {
    if (this.stroke) this.strokes.pop();
    this.stroke = null;
    this.replay();
  }

  hover(point) {
    this.at = point;
    viewer.redraw();
  }

  undo() {
    const last = this.strokes.pop();
    if (last) this.undone.push(last);
    this.replay();
    this.changed();
  }

  redo() {
    const last = this.undone.pop();
    if (last) this.strokes.push(last);
    this.replay();
    this.changed();
  }

  changed() {
    $("undo").disabled = !this.strokes.length;
    $("redo").disabled = !this.undone.length;
    for (const id of ["keep", "drop", "erase"]) $(id).setAttribute("aria-pressed", this.brush === id);
    $("erase").hidden = this.kind === "mask";
    for (const id of ["mask", "strokes"]) $(`kind-${id}`).setAttribute("aria-pressed", this.kind === id);
    viewer.redraw();
  }

  // The surround is dimmed, and a line of one and a half pixels of the screen runs along the edge.
  draw(context) {
    const { width, height } = context.canvas;
    if (this.screen?.width !== width || this.screen?.height !== height) {
      this.screen = canvasOf(width, height);
      Object.assign(this.screen, { width, height });
    }
    const [canvas, on] = this.screen;
    const { x, y, scale } = viewer;
    const high = scale * viewer.aspect;
    const shape = this.kind === "mask" ? this.layer : this.prediction;
    const fresh = () => { on.globalCompositeOperation = "copy"; on.fillStyle = "#0000"; on.fillRect(0, 0, width, height); on.globalCompositeOperation = "source-over"; };
    if (shape) {
      fresh();
      on.fillStyle = "rgb(12 12 14 / 62%)";
      on.fillRect(x, y, scale, high);
      on.globalCompositeOperation = "destination-out";
      on.imageSmoothingEnabled = true;
      on.drawImage(shape, x, y, scale, high);
      context.drawImage(canvas, 0, 0);
      for (const [colour, reach] of [["#000a", 2.2], ["#ffd34d", 1.2]]) {
        fresh();
        const far = reach * viewer.ratio;
        for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1], [0.7, 0.7], [-0.7, 0.7], [0.7, -0.7], [-0.7, -0.7]])
          on.drawImage(shape, x + dx * far, y + dy * far, scale, high);
        on.globalCompositeOperation = "destination-out";
        on.drawImage(shape, x, y, scale, high);
        on.globalCompositeOperation = "source-in";
        on.fillStyle = colour;
        on.fillRect(0, 0, width, height);
        context.drawImage(canvas, 0, 0);
      }
    }
    if (this.kind === "strokes") context.drawImage(this.layer, x, y, scale, high);
    if (this.at) {
      context.beginPath();
      context.arc(this.at[0] * scale + x, this.at[1] * scale + y, ($("brush-size").value * viewer.ratio) / 2, 0, 7);
      for (const [colour, wide] of [["#000", 3], ["#fff", 1.5]]) {
        Object.assign(context, { strokeStyle: colour, lineWidth: wide });
        context.stroke();
      }
    }
  }

  // Black and white; strokes without half-transparent pixels.
  blob() {
    const [canvas, context] = canvasOf(this.width, this.height);
    context.drawImage(this.layer, 0, 0);
    const pixels = context.getImageData(0, 0, this.width, this.height);
    const { data } = pixels;
    for (let at = 0; at < data.length; at += 4) {
      const drawn = data[at + 3] >= 128;
      if (this.kind === "mask") {
        data[at] = data[at + 1] = data[at + 2] = drawn ? 255 : 0;
        data[at + 3] = 255;
      } else {
        const keep = data[at + 1] > data[at];
        [data[at], data[at + 1], data[at + 2], data[at + 3]] = drawn ? (keep ? [0, 200, 80, 255] : [230, 40, 40, 255]) : [0, 0, 0, 0];
      }
    }
    context.putImageData(pixels, 0, 0);
    return new Promise((done) => canvas.toBlob(done, "image/png"));
  }
}

let editor = null;

async function start() {
  const own = new Editor();
  editor = viewer.tool = own;
  viewer.seen = viewer.right;
  viewer.comparing = false;
  viewer.show(null, state.pictures.find((each) => each.key === "original").tiles);
  document.body.classList.add("editing");
  try {
    await own.use(state.mask.kind === "strokes" ? "strokes" : "mask");
  } catch {
    stop();
    return say("The mask could not be fetched: is the desk still running? Nothing was changed.");
  }
  if (editor !== own) return; // cancelled meanwhile
  $("editor").hidden = false;
  $("canvas").focus({ preventScroll: true });
}

function stop() {
  editor = viewer.tool = null;
  viewer.comparing = true;
  $("editor").hidden = true;
  document.body.classList.remove("editing");
  replaceState(state);
}

async function save() {
  $("save").disabled = true;
  const headers = { "if-match": editor.version, "content-type": "image/png" };
  const answer = await write("PUT", `${here}/mask`, await editor.blob(), headers);
  $("save").disabled = false;
  if (!answer) return;
  stop();
  replaceState(answer);
  say("Saved. Dagster makes this painting again; the page shows each result as it is made.");
}

async function reset() {
  const answer = await write("DELETE", `${here}/mask`, null, { "if-match": state.mask.version });
  if (!answer) return;
  if (editor) stop();
  replaceState(answer);
  say("The prediction counts again.");
}

if ($("correct")) {
  const actions = {
    correct: () => (editor ? stop() : start()), cancel: stop, save, "reset-mask": reset, undo: () => editor.undo(), redo: () => editor.redo(),
    "kind-mask": () => editor.use("mask"), "kind-strokes": () => editor.use("strokes"), "from-prediction": () => editor.load(editor.kind === "mask" ? "prediction" : "none"),
    ...Object.fromEntries(["keep", "drop", "erase"].map((brush) => [brush, () => { editor.brush = brush; editor.changed(); }])),
  };
  for (const [id, action] of Object.entries(actions)) $(id).onclick = action;
  $("brush-size").oninput = () => viewer.redraw();
  addEventListener("keydown", (event) => {
    if (!editor || event.target.matches("textarea, input:not([type=range])")) return;
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key === "z") event.shiftKey ? editor.redo() : editor.undo();
    else if (command && event.key === "y") editor.redo();
    else if (command) return;
    else if (event.key === "Escape") stop();
    else if (event.key === "b") actions.keep();
    else if (event.key === "e") actions.drop();
    else if (event.key === "[") $("brush-size").stepDown(4);
    else if (event.key === "]") $("brush-size").stepUp(4);
    else if (event.key === " ") viewer.panning = true;
    else return;
    viewer.redraw();
    event.preventDefault();
  });
  addEventListener("keyup", (event) => event.key === " " && (viewer.panning = false));
  addEventListener("beforeunload", (event) => editor?.strokes.length && event.preventDefault());
}
