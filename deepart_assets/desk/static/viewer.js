// A canvas that shows tiled pictures: pan, zoom, and two pictures on both sides of a line.
// Pictures of one painting differ in size; each is drawn over the same rectangle of width 1.
import { AWAY, say } from "./shared.js";

const TILE = 512;

class Tiles {
  constructor(address, redraw, forget) {
    this.address = address;
    this.redraw = redraw;
    this.images = new Map();
    const slow = setInterval(() => say("Getting the picture ready: a large one takes a while, once."), 3000);
    fetch(`${address}/size.json`).finally(() => clearInterval(slow)).then(async (answer) => {
      if (!answer.ok) throw new Error(answer.status === 422 ? (await answer.json()).error : "This picture cannot be shown now.");
      const { width, height } = await answer.json();
      this.width = width;
      this.height = height;
      this.top = Math.max(0, Math.ceil(Math.log2(Math.max(width, height) / TILE)));
      redraw();
    }).catch((error) => {
      forget(); // it is asked for again when it is shown again
      say(error instanceof TypeError ? AWAY : error.message, true);
    });
  }

  image(level, column, row) {
    const name = `${level}-${column}-${row}`;
    let image = this.images.get(name);
    if (!image) {
      image = new Image();
      image.onload = this.redraw;
      image.onerror = () => this.images.delete(name);
      image.src = `${this.address}/${name}.jpg`;
      this.images.set(name, image);
    }
    return image.complete && image.naturalWidth ? image : null;
  }

  // Draws what is visible; `scale` is canvas pixels for the picture's width.
  draw(context, x, y, scale, canvas) {
    if (!this.width) return;
    const height = (scale * this.height) / this.width;
    let wanted = this.top;
    while (wanted > 0 && this.width / 2 ** (this.top - wanted + 1) >= scale) wanted--;
    context.imageSmoothingEnabled = scale < this.width * 3;
    for (const level of new Set([0, Math.max(0, wanted - 2), wanted])) {
      const factor = 2 ** (this.top - level);
      const step = (TILE * factor * scale) / this.width;
      const columns = Math.ceil(this.width / factor / TILE);
      const rows = Math.ceil(this.height / factor / TILE);
      const [left, upper] = [Math.max(0, Math.floor(-x / step)), Math.max(0, Math.floor(-y / step))];
      const right = Math.min(columns - 1, Math.floor((canvas.width - x) / step));
      const lower = Math.min(rows - 1, Math.floor((canvas.height - y) / step));
      for (let row = upper; row <= lower; row++)
        for (let column = left; column <= right; column++) {
          const image = this.image(level, column, row);
          if (!image) continue;
          const w = Math.min((image.naturalWidth * factor * scale) / this.width, scale - column * step);
          const h = Math.min((image.naturalHeight * factor * scale) / this.width, height - row * step);
          context.drawImage(image, x + column * step, y + row * step, w + 0.5, h + 0.5);
        }
    }
  }
}

export class Viewer extends EventTarget {
  constructor(canvas, aspect) {
    super();
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.aspect = aspect; // height / width
    this.layers = new Map();
    this.split = 0.5;
    this.comparing = true;
    this.fitted = true;
    this.tool = null; // takes pointer events from panning: {down, move, up, draw}
    this.pointers = new Map();
    new ResizeObserver(() => this.resize()).observe(canvas);
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), event.offsetX, event.offsetY);
    }, { passive: false });
    for (const kind of ["pointerdown", "pointermove", "pointerup", "pointercancel"])
      canvas.addEventListener(kind, (event) => this[kind](event));
    canvas.addEventListener("pointerleave", () => this.tool?.hover(null));
    canvas.addEventListener("dblclick", () => !this.tool && (this.fitted ? this.fullSize() : this.fit()));
  }

  show(left, right) {
    this.left = this.layer(left);
    this.right = this.layer(right);
    this.redraw();
  }

  layer(address) {
    if (!address) return null;
    if (!this.layers.has(address)) this.layers.set(address, new Tiles(address, () => this.redraw(), () => this.layers.delete(address)));
    return this.layers.get(address);
  }

  resize() {
    const { width, height } = this.canvas.getBoundingClientRect();
    this.ratio = devicePixelRatio || 1;
    this.canvas.width = Math.round(width * this.ratio);
    this.canvas.height = Math.round(height * this.ratio);
    this.fitted ? this.fit() : this.redraw();
  }

  fit() {
    const { width, height } = this.canvas;
    const margin = Math.min(width, height) * 0.025;
    const high = Math.max(height / 2, height - 60 * this.ratio); // below are the buttons
    this.scale = Math.min(width - 2 * margin, (high - 2 * margin) / this.aspect);
    this.x = (width - this.scale) / 2;
    this.y = (high - this.scale * this.aspect) / 2;
    this.fitted = true;
    this.redraw();
  }

  fullSize() {
    const width = Math.max(this.right?.width ?? 0, this.left?.width ?? 0);
    if (width) this.zoom(width / this.scale);
  }

  // Around a point in CSS pixels, by default the middle.
  zoom(factor, x = this.canvas.width / this.ratio / 2, y = this.canvas.height / this.ratio / 2) {
    const [px, py] = [x * this.ratio, y * this.ratio];
    // A high and narrow picture may be fitted at less than 80: zooming out must not enlarge it.
    const scale = Math.min(Math.max(this.scale * factor, Math.min(80, this.scale)), 120000);
    this.x = px - ((px - this.x) * scale) / this.scale;
    this.y = py - ((py - this.y) * scale) / this.scale;
    this.scale = scale;
    this.fitted = false;
    this.redraw();
  }

  pan(x, y) {
    this.x += x * this.ratio;
    this.y += y * this.ratio;
    this.fitted = false;
    this.redraw();
  }

  // From CSS pixels on the canvas to shares of the picture's width.
  point(event) {
    return [(event.offsetX * this.ratio - this.x) / this.scale, (event.offsetY * this.ratio - this.y) / this.scale];
  }

  pointerdown(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
    this.drawing = this.tool && this.pointers.size === 1 && event.button === 0 && !this.panning;
    if (this.drawing) this.tool.down(this.point(event));
    else if (this.tool && this.pointers.size === 2) this.tool.cancel();
  }

  pointermove(event) {
    const before = this.pointers.get(event.pointerId);
    if (this.tool) this.tool.hover(this.point(event));
    if (!before) return;
    const now = [event.offsetX, event.offsetY];
    if (this.pointers.size === 2) {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
      const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) || 1;
      this.zoom(distance(now, other) / distance(before, other), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
      this.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    } else if (this.drawing) this.tool.move(this.point(event));
    else this.pan(now[0] - before[0], now[1] - before[1]);
    this.pointers.set(event.pointerId, now);
  }

  pointerup(event) {
    if (this.drawing && this.pointers.size === 1) this.tool?.up();
    this.pointers.delete(event.pointerId);
    this.drawing = false;
  }

  pointercancel(event) {
    this.pointerup(event);
  }

  redraw() {
    if (this.asked || !this.scale) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.draw();
    });
  }

  draw() {
    const { context, canvas, x, y, scale } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    const at = this.comparing && this.left && this.left !== this.right ? this.split * canvas.width : 0;
    for (const [layer, from, to] of [[this.left, 0, at], [this.right, at, canvas.width]]) {
      if (!layer || to <= from) continue;
      context.save();
      context.beginPath();
      context.rect(Math.round(from), 0, Math.round(to - from), canvas.height);
      context.rect(0, 0, 0, 0);
      context.clip();
      context.beginPath();
      context.rect(x, y, scale, scale * this.aspect);
      context.clip();
      // Pictures whose aspect is a little different (a support cropped) keep their own.
      layer.draw(context, x, y, scale, canvas);
      context.restore();
    }
    this.tool?.draw(context);
    this.dispatchEvent(new Event("drawn"));
  }
}
