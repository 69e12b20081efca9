// What all pages share: messages, and writes that the desk accepts.
const box = document.getElementById("message");
let hiding;

export function say(text, bad = false) {
  box.textContent = text;
  box.classList.toggle("bad", bad);
  box.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => (box.hidden = true), bad ? 12000 : 5000);
}

// Returns the answer's JSON, or null after it has shown why there is none.
export async function write(method, address, body, headers = {}) {
  const csrf = document.querySelector("meta[name=csrf]").content;
  try {
    const answer = await fetch(address, { method, body, headers: { "x-deepart-csrf": csrf, ...headers } });
    const content = await answer.json();
    if (answer.ok) return content;
    say(content.error, true);
  } catch {
    say("The desk does not answer; is it still running?", true);
  }
  return null;
}
