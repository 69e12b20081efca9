// The editor's buttons and keys, and what is saved: a mask that was drawn, a file, words, or none.
import { Editor } from "./mask_drawing.js";
import { look, replaceState, state, viewer } from "./painting.js";
import { say, write } from "./shared.js";

const $ = (id) => document.getElementById(id);
const here = location.pathname;
let editor = null;

// Whether what is drawn may go: nothing that takes minutes is lost by a key.
const mayLose = () => !editor?.isDrawn || confirm("Leave the editor? What you have drawn is lost.");

async function start() {
  const own = new Editor();
  editor = viewer.tool = own;
  own.comparing = viewer.comparing;
  viewer.comparing = false;
  viewer.show(null, state.pictures.find((each) => each.key === "original").tiles);
  document.body.classList.add("editing");
  await use(state.mask.kind === "strokes" ? "strokes" : "mask");
  if (editor !== own) return; // cancelled meanwhile
  $("editor").hidden = false;
  $("editor").scrollIntoView({ block: "nearest" }); // on a phone the button is far below the picture
  $("canvas").focus({ preventScroll: true });
}

// What is drawn on has to be fetched; without it all stays as it is.
async function fetching(action) {
  const own = editor;
  try {
    await action(own);
  } catch {
    if (editor !== own) return;
    own.draft ? own.busy(false) : stop();
    say("The mask could not be fetched: is the desk still running? Nothing was changed.", true);
  }
}

const use = (kind) => fetching((own) => own.use(kind));

function stop() {
  viewer.comparing = editor.comparing;
  editor = viewer.tool = null;
  $("editor").hidden = true;
  document.body.classList.remove("editing");
  replaceState(state);
  $("correct").focus({ preventScroll: true });
}

// Sends what is to count as the mask, or that none does; tells what came of it. Returns whether
// somebody else's was in the way.
async function send(method, body, version, done) {
  let isConflict = false;
  const answer = await write(method, `${here}/mask`, body, { "if-match": version }, (text, status) => {
    isConflict = status === 409;
    say(isConflict ? "Somebody else has changed this mask since you opened it. Do it again to replace theirs." : text, true);
  });
  if (isConflict) await look();
  if (!answer) return isConflict;
  if (editor) stop();
  replaceState(answer);
  say(done);
  return false;
}

const SAVED = "Saved. Dagster makes this painting again; the page shows each result as it is made.";

async function save() {
  const own = editor;
  own.busy(true);
  const isConflict = await send("PUT", await own.blob(), own.version, SAVED);
  own.busy(false);
  // Whoever was told of somebody else's mask may replace it; after any other failure nobody was.
  if (isConflict) own.version = state.mask.version;
}

// A mask that was drawn elsewhere.
async function upload(event) {
  const [file] = event.target.files;
  event.target.value = "";
  if (file && mayLose()) await send("PUT", file, state.mask.version, SAVED);
}

async function reset() {
  if (!confirm("Remove what was drawn? The prediction counts again.")) return;
  await send("DELETE", null, state.mask.version, "The prediction counts again.");
}

// What the subject is in words, for a segmenter that reads them: saved as soon as it is entered.
let filled; // the text that the field was filled from

// What somebody else has entered replaces nothing that is being typed: saving is refused then.
function fillText() {
  if (filled && $("text").value !== filled.shown) return;
  // The field has one line: line breaks part phrases as semicolons do.
  if (filled?.version !== state.text.version) $("text").value = state.text.own.trim().replace(/\s*\n\s*/g, "; ");
  filled = { ...state.text, shown: $("text").value };
}

async function describe() {
  const words = $("text").value.trim();
  const answer = await write("PUT", `${here}/text`, words, { "if-match": filled.version });
  if (!answer) return look();
  filled = { ...answer.text, shown: $("text").value };
  replaceState(answer);
  say(words ? "Saved: the segmenter looks for that with the next run." : "As in the profile again.");
}

if ($("text")) {
  fillText();
  $("text").onchange = describe;
  document.addEventListener("shown", fillText);
}

if ($("correct")) {
  const leave = () => mayLose() && stop();
  const actions = {
    correct: () => (editor ? leave() : start()), cancel: leave, save, "reset-mask": reset, undo: () => editor.undo(), redo: () => editor.redo(),
    "kind-mask": () => use("mask"), "kind-strokes": () => use("strokes"), "start-over": () => fetching((own) => own.startOver()),
    ...Object.fromEntries(["keep", "drop", "erase"].map((brush) => [brush, () => { editor.brush = brush; editor.changed(); }])),
  };
  for (const [id, action] of Object.entries(actions)) $(id).onclick = action;
  $("own-mask").onchange = upload;
  $("brush-size").oninput = () => viewer.redraw();
  addEventListener("keydown", (event) => {
    if (!editor || event.target.matches("textarea, input:not([type=range])")) return;
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase(); // a capital with Shift, or with the lock
    if (key === "escape") leave();
    else if (!editor.draft) return; // the mask is on its way
    else if (command && key === "z") event.shiftKey ? editor.redo() : editor.undo();
    else if (command && key === "y") editor.redo();
    else if (command) return;
    else if (key === "b") actions.keep();
    else if (key === "e") actions.drop();
    else if (key === "[") $("brush-size").stepDown(4);
    else if (key === "]") $("brush-size").stepUp(4);
    else if (key === " " && event.target.localName !== "button") viewer.panning = true;
    else return;
    viewer.redraw();
    event.preventDefault();
  });
  addEventListener("keyup", (event) => event.key === " " && (viewer.panning = false));
  // After a click the keys are the picture's again; who came by Tab stays.
  $("editor").addEventListener("click", (event) => event.detail && $("canvas").focus({ preventScroll: true }));
  addEventListener("beforeunload", (event) => editor?.isDrawn && event.preventDefault());
}
