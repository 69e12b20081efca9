// The page of a painting: the viewer, the strip of pictures, and what is being made.
import { AWAY, renewParts, say } from "./shared.js";
import { Viewer } from "./viewer.js";

const $ = (id) => document.getElementById(id);
export const shown = () => picture(right);
export let state = JSON.parse($("state").textContent);
export const viewer = new Viewer($("canvas"), state.height / state.width);
const here = location.pathname;
let pause = 2000; // milliseconds until the desk is asked again
let replaced = 0; // times that the state was
let left = "original";
let right = state.best;
let chosen = false; // whether somebody has picked a picture: until then the best one is shown

const picture = (key) => state.pictures.find((each) => each.key === key);

// What is shown, and whether it is of an earlier mask, say.
function caption(key) {
  const stage = state.stages.find((each) => each.asset === key.split(".")[0]);
  return picture(key).caption + (["waiting", "stale"].includes(stage?.state) ? ", out of date" : "");
}

function show() {
  if (!chosen || !picture(right)) right = state.best;
  if (!picture(left)) left = "original"; // it has become a failure, say
  if (viewer.tool) return; // a mask is being drawn on the original
  viewer.show(picture(left).tiles, picture(right).tiles);
  const comparing = viewer.comparing && left !== right;
  $("left-name").textContent = comparing ? caption(left) : "";
  $("right-name").textContent = caption(right);
  const { credit } = picture(right);
  $("credit").hidden = !credit;
  $("credit").textContent = `The ground is that of ${credit}.`;
  $("handle").hidden = !comparing;
  $("compare").setAttribute("aria-pressed", viewer.comparing);
  document.dispatchEvent(new Event("shown"));
  for (const button of $("strip").children) {
    button.setAttribute("aria-pressed", button.dataset.key === right);
    button.classList.toggle("as-left", comparing && button.dataset.key === left);
  }
}

// In the browser's time zone, without a year that goes without saying.
function time(text) {
  const made = new Date(text);
  const year = made.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return made.toLocaleString(undefined, { year, month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
}

function fill() {
  $("strip").replaceChildren(...state.pictures.map((each) => {
    const button = document.createElement("button");
    const image = new Image();
    Object.assign(image, { src: each.thumb, alt: "" });
    Object.assign(button, { type: "button", title: "With Shift: on the left of the line" });
    button.dataset.key = each.key;
    button.append(image, each.caption);
    button.onclick = (event) => {
      event.shiftKey ? (left = each.key) : (right = each.key);
      chosen = true;
      show();
    };
    return button;
  }));
  $("stages").replaceChildren(...state.stages.map((each) => {
    const line = document.createElement("li");
    const dot = document.createElement("i");
    dot.className = `dot ${each.state}`;
    const when = document.createElement("time");
    const words = { waiting: "to be made", failed: "failed", skipped: "skipped" };
    when.textContent = words[each.state] ?? time(each.made_at);
    when.title = each.made_at && `made ${new Date(each.made_at).toLocaleString()}`;
    line.append(dot, each.heading, when);
    if (each.reason) line.append(Object.assign(document.createElement("small"), { textContent: each.reason }));
    return line;
  }));
  const kinds = { none: "the segmenter's", mask: "drawn by a curator", strokes: "the segmenter's, corrected by strokes", unreadable: "a file in masks/ that cannot be read" };
  const seen = state.mask.kind === "none" || state.mask.seen ? "" : " (the sensor has not seen it yet)";
  $("mask-from").textContent = `The mask is ${kinds[state.mask.kind]}${seen}.`;
  if ($("reset-mask")) $("reset-mask").hidden = state.mask.kind === "none";
  show();
}

// Shows what the desk has answered, here or after a write.
export function replaceState(news) {
  state = news;
  replaced++;
  pause = 2000;
  fill();
  renewParts();
  setTimeout(renewParts, 4000); // the wall's index, whose status is shown, may be some seconds old
}

// Asks the desk how the painting stands now.
export async function look() {
  const before = replaced;
  try {
    const answer = await fetch(`${here}/state`);
    if (answer.status === 404) tellOnce((await answer.json()).error);
    if (!answer.ok) return;
    told = "";
    const news = await answer.json();
    // An answer on its way while something was saved is of the time before that.
    if (before !== replaced || JSON.stringify(news) === JSON.stringify(state)) return;
    const done = news.stages.filter((each, at) => each.state === "done" && state.stages[at]?.state === "waiting");
    if (done.length) say(`Made: ${done.map((each) => each.heading).join(", ")}`);
    replaceState(news);
  } catch { tellOnce(AWAY); } // asked again later
}

let told = ""; // why the page may be out of date
function tellOnce(text) {
  if (text !== told) say(text, true);
  told = text;
}

// Looks again while something is to be made: soon at first, then less often.
async function follow() {
  await look();
  const waiting = state.stages.some((each) => each.state === "waiting");
  pause = Math.min(pause * 1.1, waiting ? 5000 : 30000);
  setTimeout(follow, pause);
}

const actions = {
  compare: () => { viewer.comparing = !viewer.comparing; show(); },
  in: () => viewer.zoom(1.5),
  out: () => viewer.zoom(1 / 1.5),
  fit: () => viewer.fit(),
  "full-size": () => viewer.fullSize(),
};
for (const [id, action] of Object.entries(actions)) $(id).onclick = action;

function place() {
  $("handle").style.left = `${viewer.split * 100}%`;
  $("handle").setAttribute("aria-valuenow", Math.round(viewer.split * 100));
}
function divide(split) {
  viewer.split = Math.min(1, Math.max(0, split));
  place();
  viewer.redraw();
}
place();
$("handle").addEventListener("pointerdown", (event) => $("handle").setPointerCapture(event.pointerId));
$("handle").addEventListener("pointermove", (event) => {
  const { left: start, width } = $("frame").getBoundingClientRect();
  if ($("handle").hasPointerCapture(event.pointerId)) divide((event.clientX - start) / width);
});

addEventListener("keydown", (event) => {
  if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = event.shiftKey ? 160 : 60;
  const onHandle = event.target === $("handle");
  const onCanvas = event.target === $("canvas");
  const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
  const simple = { c: actions.compare, "+": actions.in, "=": actions.in, "-": actions.out, 0: actions.fit, 1: actions["full-size"],
    n: () => document.querySelector(".steps [rel=next]")?.click(), p: () => document.querySelector(".steps [rel=prev]")?.click() };
  if (onHandle && moves[event.key]) divide(viewer.split - Math.sign(moves[event.key][0] - moves[event.key][1]) * 0.02);
  else if (onCanvas && moves[event.key]) viewer.pan(...moves[event.key]);
  else if (viewer.tool && "cnp".includes(event.key)) return; // nothing drawn is left behind
  else if (simple[event.key]) simple[event.key]();
  else return;
  event.preventDefault();
});

fill();
setTimeout(follow, pause);
