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

// Puts in what the desk has to say anew, of the page's parts that change; what is open stays open.
export async function renewParts() {
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const old of document.querySelectorAll("[data-live]")) {
      const news = page.getElementById(old.id);
      if (!news) continue;
      const stops = [...old.querySelectorAll("a, summary")];
      const open = new Set([...old.querySelectorAll("details[open] > summary")].map((each) => each.textContent));
      for (const each of news.querySelectorAll("details")) each.open = open.has(each.querySelector("summary").textContent);
      if (news.innerHTML === old.innerHTML) continue;
      const focused = stops.indexOf(document.activeElement);
      old.replaceWith(news);
      if (focused >= 0) news.querySelectorAll("a, summary")[focused]?.focus();
    }
  } catch { /* the desk was stopped: the page stays as it is */ }
}

// Returns the answer's JSON, or null after it has told why there is none.
export async function write(method, address, body, headers = {}, tell = (text) => say(text, true)) {
  const send = () => {
    const csrf = document.querySelector("meta[name=csrf]").content;
    return fetch(address, { method, body, headers: { "x-deepart-csrf": csrf, ...headers } });
  };
  try {
    let answer = await send();
    if (answer.status === 403 && (await renewToken())) answer = await send();
    if (answer.status === 500) tell("The desk failed; the terminal that it runs in says why.", 500);
    else {
      const content = await answer.json();
      if (answer.ok) return content;
      tell(content.error, answer.status);
    }
  } catch {
    tell((await isReadable(body)) ? AWAY : GONE);
  }
  return null;
}

// The token of a desk that was restarted since this page was loaded stands in its own pages.
async function renewToken() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const news = page.querySelector("meta[name=csrf]")?.content;
  if (news) document.querySelector("meta[name=csrf]").content = news;
  return Boolean(news);
}

export const AWAY = "The desk does not answer; is it still running?";
const GONE = "The file cannot be read: it has been changed, moved or removed. Choose it again.";

// Whether what was to be sent can still be: a file may have been removed since it was chosen.
async function isReadable(body) {
  return !(body instanceof Blob) || body.slice(0, 1).arrayBuffer().then(() => true, () => false);
}
