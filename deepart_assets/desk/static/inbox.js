// Pictures dropped onto the page: labelled, then sent one after the other.
import { renewParts, say, write } from "./shared.js";

const $ = (id) => document.getElementById(id);
const LABELS = ["title", "artist", "date", "style"];
const chosen = new Map(); // the list's line: its file

function add(files) {
  for (const file of files) {
    const line = document.createElement("li");
    const image = Object.assign(new Image(), { src: URL.createObjectURL(file), alt: "" });
    const fields = document.createElement("div");
    fields.append(Object.assign(document.createElement("strong"), { textContent: file.name }));
    for (const label of LABELS) {
      const input = Object.assign(document.createElement("input"), { name: label, placeholder: label[0].toUpperCase() + label.slice(1), maxLength: 300 });
      input.setAttribute("aria-label", `${label} of ${file.name}`);
      fields.append(input);
    }
    const remove = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
    remove.setAttribute("aria-label", `Leave out ${file.name}`);
    remove.onclick = () => { chosen.delete(line); line.remove(); renew(); };
    line.append(image, fields, remove, Object.assign(document.createElement("p"), { className: "reason", hidden: true }));
    chosen.set(line, file);
    $("chosen").append(line);
  }
  renew();
}

function renew() {
  $("add").hidden = !chosen.size;
}

$("choose").onchange = (event) => { add(event.target.files); event.target.value = ""; };
for (const kind of ["dragover", "drop"])
  addEventListener(kind, (event) => {
    event.preventDefault();
    if (kind === "drop") add(event.dataTransfer.files);
  });

$("add").onclick = async () => {
  $("add").disabled = true;
  let sent = 0;
  for (const [line, file] of [...chosen]) {
    if (!chosen.has(line)) continue; // removed while others were sent
    const labels = Object.fromEntries([...line.querySelectorAll("input")].map((input) => [input.name, input.value]));
    const reason = line.querySelector(".reason");
    const tell = (text) => Object.assign(reason, { hidden: false, textContent: text });
    reason.hidden = true;
    const answer = await write("PUT", `/inbox/${encodeURIComponent(file.name)}?${new URLSearchParams(labels)}`, file, {}, tell);
    if (!answer) continue; // it stays in the list with the reason
    sent++;
    chosen.delete(line);
    line.remove();
  }
  $("add").disabled = false;
  renew();
  if (sent) say(`${sent} picture${sent === 1 ? "" : "s"} added: restored with the next run.`);
  renewParts();
};

// Each picture has a link to its painting once it is taken in.
setInterval(() => document.querySelector(".to-come") && !document.hidden && renewParts(), 3000);
addEventListener("beforeunload", (event) => chosen.size && event.preventDefault());
