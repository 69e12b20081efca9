// Accepts and rejects results, and asks for others.
import { say, write } from "./shared.js";
import { replaceState, shown, state } from "./painting.js";

const $ = (id) => document.getElementById(id);
const here = location.pathname;
const form = $("ask");
const words = (name) => name.replaceAll("_", " ");

async function decide(decision, more = {}) {
  const body = JSON.stringify({ decision, note: $("note").value.trim(), ...more });
  const answer = await write("PUT", `${here}/choice`, body, { "if-match": state.choice.version });
  if (!answer) return;
  replaceState(answer);
  say({ accepted: "Accepted: it is published with the next run.", rejected: "Rejected.", open: "Undecided again." }[decision]);
}

async function ask(outpainter, wanted) {
  const { version } = state.requests[outpainter];
  const body = wanted && JSON.stringify(wanted);
  const answer = await write(wanted ? "PUT" : "DELETE", `${here}/request/${outpainter}`, body, { "if-match": version });
  if (!answer) return;
  replaceState(answer);
  say(wanted ? `Asked: ${words(outpainter)} makes this painting again.` : "As in the profile again.");
}

// What the profile says is left out.
function asked(more = {}) {
  const values = { ...Object.fromEntries(new FormData(form)), ...more };
  const number = (text) => (text === "" || text === undefined ? null : Number(text));
  return { candidates: number(values.candidates), seed: number(values.seed), prompt: values.prompt.trim() || null };
}

function renew() {
  const { decision, outpainter, sha256, note } = state.choice;
  const here = shown().group;
  const old = decision === "accepted" && state.results[outpainter] !== sha256;
  $("decision").textContent = {
    accepted: old ? `${words(outpainter)} was accepted, and has been made again since: accept it again.` : `${words(outpainter)} is accepted.`,
    rejected: "All results are rejected.",
    open: "Nothing is accepted yet.",
  }[decision] + (note ? ` “${note}”` : "");
  const candidate = Number(shown().key.split(".")[1] ?? 0);
  $("accept").textContent = candidate ? `Make candidate ${candidate + 1} the result` : here ? `Accept ${words(here)}` : "Accept";
  $("accept").disabled = candidate ? !state.requests[here] : !(here in state.results) || (decision === "accepted" && outpainter === here && !old);
  $("accept").title = here ? "" : "Choose a result first";
  $("reject").disabled = decision === "rejected";
  $("reopen").hidden = decision === "open";
  const request = state.requests[form.elements.outpainter.value];
  $("withdraw").hidden = !request || request.version === "none";
}

function fillRequest() {
  const request = state.requests[form.elements.outpainter.value];
  for (const name of ["candidates", "seed", "prompt"]) form.elements[name].value = request?.[name] ?? "";
  renew();
}

$("accept").onclick = () => {
  const { group, key } = shown();
  const candidate = Number(key.split(".")[1] ?? 0);
  if (!candidate) return decide("accepted", { outpainter: group, sha256: state.results[group] });
  const { candidates, seed, prompt, seeds } = state.requests[group];
  return ask(group, { candidates, seed, prompt, first: seeds[candidate] });
};
$("reject").onclick = () => decide("rejected");
$("reopen").onclick = () => decide("open");
$("withdraw").onclick = () => ask(form.elements.outpainter.value, null);
$("other-seed").onclick = () => {
  form.elements.seed.value = Math.floor(Math.random() * 1e6);
  ask(form.elements.outpainter.value, asked());
};
form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask(form.elements.outpainter.value, asked());
});
form.elements.outpainter.onchange = fillRequest;
document.addEventListener("shown", renew);

const names = Object.keys(state.requests);
$("others").hidden = !names.length;
form.elements.outpainter.replaceChildren(...names.map((name) => new Option(words(name), name)));
$("note").value = state.choice.note;
fillRequest();
