// Accepts and rejects results, and asks for others.
import { say, write } from "./shared.js";
import { look, replaceState, shown, state } from "./painting.js";

const $ = (id) => document.getElementById(id);
const here = location.pathname;
const form = $("ask");
const words = (name) => name.replaceAll("_", " ");

// One after the other: a second click is about what the first one has left, even if that failed.
let last = Promise.resolve();
const inTurn = (action) => (...all) => (last = last.catch(() => {}).then(() => action(...all)));

const TOLD = { accepted: "Accepted: it is published with the next run.", rejected: "Rejected.", open: "Undecided again." };

const decide = inTurn(async (decision, more = {}, told = TOLD[decision]) => {
  const body = JSON.stringify({ decision, note: $("note").value.trim(), ...more });
  const answer = await write("PUT", `${here}/choice`, body, { "if-match": state.choice.version });
  if (!answer) return look();
  noted = answer.choice.note;
  replaceState(answer);
  say(told);
});

let noted = state.choice.note; // as the field was filled: what has been typed since stays
$("note").value = noted;
const renewNote = () => ($("save-note").hidden = $("note").value.trim() === noted);
$("note").oninput = renewNote;
addEventListener("beforeunload", (event) => (typed || $("note").value.trim() !== noted) && event.preventDefault());
$("note").onkeydown = (event) => event.key === "Enter" && $("save-note").click();
$("save-note").onclick = () => {
  const { decision, outpainter, sha256, rejected } = state.choice;
  decide(decision, { outpainter, sha256, rejected }, "Note saved.");
};

const ask = inTurn(async (outpainter, wanted) => {
  const { version } = outpainter === form.elements.outpainter.value ? filled : state.requests[outpainter];
  const body = wanted && JSON.stringify(wanted);
  const answer = await write(wanted ? "PUT" : "DELETE", `${here}/request/${outpainter}`, body, { "if-match": version });
  if (!answer) return;
  replaceState(answer);
  fillRequest();
  say(wanted ? `Asked: ${words(outpainter)} makes this painting again.` : "As in the profile again.");
});

let filled; // the request that the form was filled from
let typed = false; // since then
const wanted = () => state.requests[form.elements.outpainter.value];

// What the outpainter takes of the form, and of what was asked before; null is as in the profile.
function asked(more = {}) {
  const texts = Object.fromEntries([...new FormData(form)].map(([name, text]) => [name, text.trim() || null]));
  const number = (text) => text && Number(text);
  const { takes, excluded_grounds } = wanted();
  const values = { ...texts, candidates: number(texts.candidates), seed: number(texts.seed), excluded_grounds, ...more };
  return Object.fromEntries(takes.filter((name) => name in values).map((name) => [name, values[name]]));
}

// Other grounds, or all but some: none that is passed over comes again.
function passOver(grounds) {
  const excluded_grounds = [...new Set([...wanted().excluded_grounds, ...grounds])];
  const ground = form.elements.ground.value.trim();
  ask(form.elements.outpainter.value, asked({ excluded_grounds, ground: grounds.includes(ground) ? null : ground || null }));
}

function renew() {
  const { decision, outpainter, sha256, rejected, note } = state.choice;
  const here = shown().group;
  if ($("note").value === noted) $("note").value = noted = note;
  renewNote();
  const old = decision === "accepted" && state.results[outpainter] !== sha256;
  const seen = Object.keys(rejected).length;
  const fresh = seen && Object.keys(state.results).filter((name) => state.results[name] !== rejected[name]);
  $("decision").textContent = {
    accepted: old ? `${words(outpainter)} was accepted, and has been made again since: accept it again.` : `${words(outpainter)} is accepted.`,
    rejected: fresh?.length ? `All results were rejected, and ${fresh.map(words).join(" and ")} made again since.` : "All results are rejected.",
    open: "Nothing is accepted yet.",
  }[decision] + (note ? ` “${note}”` : "");
  const candidate = candidateShown();
  $("accept").textContent = candidate ? `Make candidate ${candidate + 1} the result` : here ? `Accept ${words(here)}` : "Accept";
  $("accept").disabled = candidate ? !state.requests[here] : !(here in state.results) || (decision === "accepted" && outpainter === here && !old);
  $("accept").title = here ? "" : "Choose a result first";
  $("reject").disabled = decision === "rejected" && !fresh?.length;
  $("reopen").hidden = decision === "open";
  const request = wanted();
  if (!request) return;
  $("withdraw").hidden = request.version === "none";
  $("another").textContent = request.takes.includes("seed") ? "Another seed" : "Other grounds";
  $("not-this").hidden = form.elements.outpainter.value !== shown().group || !groundShown();
  $("excluded").hidden = !request.excluded_grounds.length;
  $("excluded").textContent = `Passed over: ${request.excluded_grounds.join(", ")}.`;
}

// The id of the painting whose ground the picture has.
const groundShown = () => state.requests[shown().group]?.made[candidateShown()]?.ground;
const candidateShown = () => Number(shown().key.split(".")[1] ?? 0);

function fillRequest() {
  const request = (filled = wanted());
  typed = false;
  for (const label of form.querySelectorAll("[data-field]")) {
    const name = label.dataset.field;
    label.hidden = !request?.takes.includes(name);
    form.elements[name].value = request?.[name] ?? "";
  }
  renew();
}

// The form is about the outpainter whose picture is shown, once another is: not while somebody types.
let group = "";
function follow() {
  const another = !typed && shown().group !== group && shown().group in state.requests;
  if (another) form.elements.outpainter.value = shown().group;
  // What somebody else has asked for replaces nothing that is being typed: asking is refused then.
  if (another || (!typed && wanted()?.version !== filled?.version)) fillRequest();
  else renew();
  if (!typed) group = shown().group;
}

$("accept").onclick = () => {
  const { group } = shown();
  const candidate = candidateShown();
  if (!candidate) return decide("accepted", { outpainter: group, sha256: state.results[group] });
  const request = state.requests[group];
  const kept = Object.fromEntries(request.takes.map((name) => [name, request[name]]));
  return ask(group, { ...kept, ...request.made[candidate] });
};
$("reject").onclick = () => decide("rejected", { rejected: state.results });
$("reopen").onclick = () => decide("open");
$("withdraw").onclick = () => ask(form.elements.outpainter.value, null);
$("another").onclick = () => {
  const { takes, made } = wanted();
  if (takes.includes("seed")) ask(form.elements.outpainter.value, asked({ seed: Math.floor(Math.random() * 1e6) }));
  else passOver(made.map((each) => each.ground));
};
$("not-this").onclick = () => passOver([groundShown()]);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask(form.elements.outpainter.value, asked());
});
form.addEventListener("input", (event) => (typed = event.target !== form.elements.outpainter));
form.elements.outpainter.onchange = fillRequest;
document.addEventListener("shown", follow);

const names = Object.keys(state.requests);
$("others").hidden = !names.length;
form.elements.outpainter.replaceChildren(...names.map((name) => new Option(words(name), name)));
fillRequest();
follow();
