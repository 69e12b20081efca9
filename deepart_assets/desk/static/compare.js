// A painting's page in the gallery: the line between two pictures, and which is on its right.
const frame = document.getElementById("frame");
const handle = document.getElementById("handle");
const right = document.getElementById("right");

function divide(share) {
  const split = Math.min(1, Math.max(0, share));
  frame.style.setProperty("--split", `${split * 100}%`);
  handle.setAttribute("aria-valuenow", Math.round(split * 100));
}
if (handle) {
  frame.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    frame.setPointerCapture(event.pointerId);
    move(event);
  });
  frame.addEventListener("pointermove", (event) => event.buttons && move(event));
}
function move(event) {
  const { left, width } = frame.getBoundingClientRect();
  divide((event.clientX - left) / width);
}

const buttons = [...document.querySelectorAll("#strip button")];
for (const button of buttons)
  button.onclick = () => {
    right.src = button.firstChild.src;
    document.getElementById("right-name").textContent = button.textContent;
    for (const each of buttons) each.setAttribute("aria-pressed", each === button);
  };

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
  if (step && document.activeElement === handle) divide(handle.getAttribute("aria-valuenow") / 100 + step);
  else if (event.key === "n") document.querySelector("[rel=next]")?.click();
  else if (event.key === "p") document.querySelector("[rel=prev]")?.click();
  else return;
  event.preventDefault();
});
