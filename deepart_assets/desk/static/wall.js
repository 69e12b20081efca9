// The wall: searches while one types, and keys.
import { say } from "./shared.js";

document.documentElement.classList.add("scripted");
const form = document.getElementById("search");
let newest = 0;

async function show(address, push) {
  const mine = ++newest;
  const answer = await fetch(address, { headers: { accept: "text/html" } });
  if (mine !== newest) return;
  if (!answer.ok) return say("The desk does not answer; is it still running?", true);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.getElementById("wall").replaceWith(page.getElementById("wall"));
  history[push ? "pushState" : "replaceState"](null, "", address);
  if (push) scrollTo(0, 0);
}

function address() {
  const words = [...new FormData(form)].filter(([, value]) => value && value !== "list");
  return "/?" + new URLSearchParams(words);
}

let waiting;
form.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => show(address(), false), 200);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  show(address(), true);
});
addEventListener("popstate", () => location.reload());

addEventListener("keydown", (event) => {
  if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const cards = [...document.querySelectorAll(".grid a")];
  const here = cards.indexOf(document.activeElement);
  const to = { ArrowRight: here + 1, ArrowLeft: here - 1 }[event.key];
  if (event.key === "/") form.elements.words.focus();
  else if (to !== undefined && cards.length) cards[Math.max(0, Math.min(cards.length - 1, to))].focus();
  else if (event.key === "n") document.querySelector("[rel=next]")?.click();
  else if (event.key === "p") document.querySelector("[rel=prev]")?.click();
  else return;
  event.preventDefault();
});
