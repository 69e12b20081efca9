// A mask, or strokes that correct the prediction, as they are drawn on the painting in the viewer.
import { state, viewer } from "./painting.js";

const $ = (id) => document.getElementById(id);
const SIDE = 2048;
const GAP = 5; // pixels between strokes of two colours, in which the edge is found
const COLOURS = { keep: "rgb(0 200 80)", drop: "rgb(230 40 40)" };

function canvasOf(width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  return [canvas, canvas.getContext("2d", { willReadFrequently: false })];
}

export class Editor {
  constructor() {
    const factor = Math.min(1, SIDE / Math.max(state.width, state.height));
    this.width = Math.max(1, Math.round(state.width * factor));
    this.height = Math.max(1, Math.round(state.height * factor));
    [this.layer, this.context] = canvasOf(this.width, this.height);
    this.drafts = {}; // by kind: what was there, the steps since then, and those that were undone
    this.brush = "keep";
    this.loading = true; // a stroke drawn now would be lost when the mask arrives
    this.version = state.mask.version; // what is replaced; another one by now is somebody else's
  }

  get draft() {
    return this.drafts[this.kind];
  }

  get isDrawn() {
    return Object.values(this.drafts).some(({ steps }) => steps.length);
  }

  // A mask's grey levels become its alpha; strokes have an alpha of their own.
  async fetched(layer) {
    const [canvas, context] = canvasOf(this.width, this.height);
    if (layer === "strokes" && state.mask.kind !== "strokes") return canvas;
    const answer = await fetch(`${location.pathname}/mask/${layer}.png`);
    if (answer.status === 404) return canvas;
    if (!answer.ok) throw new Error(`${layer}: ${answer.status}`);
    context.drawImage(await createImageBitmap(await answer.blob()), 0, 0, this.width, this.height);
    if (layer === "strokes") return canvas;
    const pixels = context.getImageData(0, 0, this.width, this.height);
    for (let at = 0; at < pixels.data.length; at += 4) {
      pixels.data[at + 3] = pixels.data[at] >= 128 ? 255 : 0;
      pixels.data[at] = pixels.data[at + 1] = pixels.data[at + 2] = 255;
    }
    context.putImageData(pixels, 0, 0);
    return canvas;
  }

  // Mask and strokes are drawn side by side: what was drawn as one waits while the other is.
  async use(kind) {
    this.asked = kind;
    this.busy(true);
    const draft = this.drafts[kind] ?? { base: await this.fetched(kind), steps: [], undone: [] };
    // Under strokes the prediction is shown, which they correct.
    if (kind === "strokes") this.prediction ??= await this.fetched("prediction");
    if (this.asked !== kind) return;
    this.drafts[kind] = draft;
    this.kind = kind;
    if (kind === "mask" && this.brush === "erase") this.brush = "drop";
    this.busy(false);
    this.replay();
  }

  busy(loading) {
    this.loading = loading;
    $("save").disabled = loading;
  }

  // From the prediction, or without strokes; a step like any other, which can be undone.
  async startOver() {
    const { kind } = this;
    this.busy(true);
    const picture = kind === "mask" ? await this.fetched("prediction") : canvasOf(this.width, this.height)[0];
    this.busy(false);
    if (this.kind !== kind) return;
    this.draft.steps.push({ picture });
    this.draft.undone = [];
    this.replay();
  }

  replay() {
    this.put(this.draft.base);
    for (const step of this.draft.steps) step.picture ? this.put(step.picture) : this.drawStroke(step, step.points);
    this.changed();
  }

  put(picture) {
    this.context.globalCompositeOperation = "copy";
    this.context.drawImage(picture, 0, 0);
    this.context.globalCompositeOperation = "source-over";
  }

  drawStroke({ brush, size }, points) {
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
    this.drawStroke(this.stroke, this.stroke.points);
    viewer.redraw();
  }

  move(point) {
    if (!this.stroke) return;
    const points = this.stroke.points;
    points.push(this.pixels(point));
    // Strokes of two colours keep apart at their ends, too: drawn as one when it is done.
    this.drawStroke(this.stroke, points.slice(-2));
    viewer.redraw();
  }

  up() {
    if (!this.stroke) return;
    this.draft.steps.push(this.stroke);
    this.draft.undone = [];
    this.cancel();
  }

  // What a second finger begins is no stroke.
  cancel() {
    this.stroke = null;
    this.replay();
  }

  hover(point) {
    this.at = point;
    viewer.redraw();
  }

  undo() {
    this.shift(this.draft.steps, this.draft.undone);
  }

  redo() {
    this.shift(this.draft.undone, this.draft.steps);
  }

  shift(from, to) {
    if (from.length) to.push(from.pop());
    this.replay();
  }

  changed() {
    $("undo").disabled = !this.draft.steps.length;
    $("redo").disabled = !this.draft.undone.length;
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
