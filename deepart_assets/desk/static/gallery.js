// The wall of the gallery: searches paintings.js, which is loaded when it is first needed. A search
// stands in the address after "#"; without one the page stays as it was written.
document.documentElement.classList.add("scripted");
const PAGE = 60;
const form = document.getElementById("search");
const wall = document.getElementById("wall");
const written = [...wall.children].filter((each) => !each.matches(".statuses"));
const card = wall.querySelector(".grid li");
const found = wall.querySelector(".found");
const foundAtFirst = found.textContent;

const LETTERS = { ø: "o", ł: "l", đ: "d", ð: "d", þ: "th", æ: "ae", œ: "oe", ħ: "h", ı: "i" };
// As `name_key` of names.py: without case, accents and punctuation.
const plain = (text) => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase()
  .replace(/[øłđðþæœħı]/g, (letter) => LETTERS[letter]).replace(/[^\p{L}\p{M}\p{N}]+/gu, " ").trim();

let loading;
function load() {
  loading ??= new Promise((done) => {
    const script = document.createElement("script");
    script.onload = () => {
      const names = ["id", "title", "artist", "date", "style", "statuses", "version", "ratio", "reason"];
      const rows = window.paintings.map((values) => Object.fromEntries(names.map((name, at) => [name, values[at]])));
      for (const row of rows) row.text = plain([row.title, row.artist, row.date, row.style, row.id].join(" "));
      const artists = [...new Set(rows.map((row) => row.artist))].filter(Boolean).sort();
      document.getElementById("artists").append(...artists.map((value) => Object.assign(document.createElement("option"), { value })));
      done(rows);
    };
    script.src = "paintings.js";
    document.head.append(script);
  });
  return loading;
}

function filled(row) {
  const item = card.cloneNode(true);
  item.style.setProperty("--ratio", row.ratio);
  item.querySelector("a").href = `paintings/${encodeURIComponent(row.id)}.html`;
  const image = Object.assign(new Image(), { alt: "", loading: "lazy", width: Math.round(row.ratio * 480), height: 480 });
  image.src = `pictures/${row.version}-480.jpg`;
  image.srcset = `${image.src} 1x, pictures/${row.version}-960.jpg 2x`;
  const blank = Object.assign(document.createElement("span"), { className: "blank" });
  item.querySelector("img, .blank").replaceWith(row.version ? image : blank);
  const [title, by, status] = item.querySelector(".caption").children;
  title.textContent = row.title || row.id;
  by.textContent = [row.artist, row.date].filter(Boolean).join(", ") || row.id;
  const name = row.statuses.split(" ")[0];
  const dot = Object.assign(document.createElement("i"), { className: `dot ${name}` });
  status.title = row.reason;
  status.replaceChildren(dot, window.statuses[name]);
  return item;
}

async function show() {
  const query = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  for (const name of ["words", "style", "artist", "status"])
    if (form.elements[name] !== document.activeElement) form.elements[name].value = query[name] ?? "";
  for (const link of wall.querySelectorAll(".statuses a")) {
    const isCurrent = (new URL(link.href).hash || "#status=") === `#status=${query.status ?? ""}`;
    isCurrent ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
  }
  const asked = location.hash;
  const rows = asked.length > 1 && card ? await load() : null;
  if (asked !== location.hash) return; // somebody has typed on
  for (const each of [...wall.children]) if (!each.matches(".statuses")) each.remove();
  found.textContent = foundAtFirst;
  if (!rows) return wall.append(...written);
  const words = plain(query.words ?? "").split(" ");
  const hits = rows.filter((row) =>
    (!query.style || row.style === query.style) && (!query.artist || row.artist === query.artist) &&
    (!query.status || row.statuses.split(" ").includes(query.status)) && words.every((word) => row.text.includes(word)));
  found.textContent = `${hits.length.toLocaleString("en")} painting${hits.length === 1 ? "" : "s"}`;
  const pages = Math.ceil(hits.length / PAGE);
  const page = Math.min(Math.max(1, Number(query.page) || 1), Math.max(1, pages));
  const grid = Object.assign(document.createElement("ol"), { className: "grid" });
  grid.append(...hits.slice((page - 1) * PAGE, page * PAGE).map(filled));
  const none = Object.assign(document.createElement("p"), { className: "plain", textContent: "No paintings match." });
  wall.append(hits.length ? grid : none);
  if (pages > 1) {
    const nav = Object.assign(document.createElement("nav"), { className: "pages", ariaLabel: "Pages" });
    const to = (number, text, rel) => {
      if (number < 1 || number > pages) return document.createElement("span");
      const href = `#${new URLSearchParams({ ...query, page: number })}`;
      return Object.assign(document.createElement("a"), { href, textContent: text, rel });
    };
    const here = Object.assign(document.createElement("span"), { textContent: `Page ${page} of ${pages}` });
    nav.append(to(page - 1, "← Previous", "prev"), here, to(page + 1, "Next →", "next"));
    wall.append(nav);
  }
}

let waiting;
function search(event) {
  event.preventDefault();
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const words = [...new FormData(form)].filter(([, value]) => value);
    history.replaceState(null, "", words.length ? `#${new URLSearchParams(words)}` : location.pathname);
    show();
  }, event.type === "submit" ? 0 : 150);
}
form.addEventListener("input", search);
form.addEventListener("submit", search);
form.addEventListener("focusin", load, { once: true });
addEventListener("hashchange", () => { show(); scrollTo(0, 0); });
addEventListener("keydown", (event) => {
  if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") form.elements.words.focus();
  else if (event.key === "n") document.querySelector("[rel=next]")?.click();
  else if (event.key === "p") document.querySelector("[rel=prev]")?.click();
  else return;
  event.preventDefault();
});
if (location.hash) show();
