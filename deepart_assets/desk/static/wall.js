// The wall: searches while one types, and keys.
import { say } from "./shared.js";

document.documentElement.classList.add("scripted");
const form = document.getElementById("search");
let newest = 0;
let underWay = 0; // pages that are being fetched

async function show(address, push) {
  const mine = ++newest;
  underWay++;
  const text = await fetch(address, { headers: { accept: "text/html" } })
    .then((answer) => (answer.ok ? answer.text() : null)).catch(() => null);
  underWay--;
  if (mine !== newest) return;
  if (text === null) return say("The desk does not answer; is it still running?", true);
  const page = new DOMParser().parseFromString(text, "text/html");
  document.getElementById("wall").replaceWith(page.getElementById("wall"));
  history[push ? "pushState" : "replaceState"](null, "", address);
  if (push) scrollTo(0, 0);
}

const AT_FIRST = { sort: "list" }; // the other fields are empty
function address() {
  const words = [...new FormData(form)].filter(([name, value]) => value !== (AT_FIRST[name] ?? ""));
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

// What is being made is followed, unless somebody searches, looks elsewhere or walks by keys.
setInterval(() => {
  const wall = document.getElementById("wall");
  if (!underWay && !document.hidden && wall.querySelector(".grid :is(.being_made, .stale)") && !wall.contains(document.activeElement))
    show(location.pathname + location.search, false);
}, 15000);

// The card above or below another: the nearest one of the next row.
function beside(cards, here, down) {
  const [from, ...places] = [cards[here], ...cards].map((card) => card.getBoundingClientRect());
  const middle = ({ left, width }) => left + width / 2;
  const rows = places.filter(({ top }) => (down ? top > from.top + 1 : top < from.top - 1)).map(({ top }) => top);
  const row = down ? Math.min(...rows) : Math.max(...rows);
  const near = places.map((place, at) => ({ at, off: place.top === row ? Math.abs(middle(place) - middle(from)) : Infinity }));
  return rows.length ? near.reduce((best, each) => (each.off < best.off ? each : best)).at : here;
}

addEventListener("keydown", (event) => {
  if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const cards = [...document.querySelectorAll(".grid a")];
  const here = cards.indexOf(document.activeElement);
  const to = { ArrowRight: here + 1, ArrowLeft: here - 1,
    ...(here >= 0 && { ArrowDown: beside(cards, here, true), ArrowUp: beside(cards, here, false) }) }[event.key];
  if (event.key === "/") form.elements.words.focus();
  else if (to !== undefined && cards.length) cards[Math.max(0, Math.min(cards.length - 1, to))].focus();
  else if (event.key === "n") document.querySelector("[rel=next]")?.click();
  else if (event.key === "p") document.querySelector("[rel=prev]")?.click();
  else return;
  event.preventDefault();
});
