/* The Meetings pages: the countdown to what comes next, and copying what has to be typed elsewhere. */

const SPOKEN = [10, 5, 1, 0];
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const spoken = new Set();

/** To whoever speaks for the page: portico.js. */
function announce(sentence) {
  document.dispatchEvent(new CustomEvent("announce", { detail: { value: sentence } }));
}

function sayLeft(seconds) {
  if (seconds >= 86400) {
    const days = Math.floor(seconds / 86400);
    return `in ${days} day${days > 1 ? "s" : ""}`;
  }
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  if (hours) return minutes ? `in ${hours} h ${minutes} min` : `in ${hours} h`;
  if (calm.matches || minutes >= 10) return seconds < 60 ? "in less than a minute" : `in ${minutes} min`;
  const rest = String(Math.floor(seconds % 60)).padStart(2, "0");
  return minutes ? `in ${minutes} min ${rest} s` : `in ${Math.floor(seconds)} s`;
}

/* Said at ten, five, one and no minutes before, each once, and only where the page was open when it came. */
function speak(card, seconds) {
  const minute = SPOKEN.find((one) => seconds <= one * 60 && seconds > one * 60 - 5);
  const key = `${card.dataset.title} ${card.dataset.starts} ${minute}`;
  if (minute === undefined || spoken.has(key)) return;
  spoken.add(key);
  const when = minute ? `begins in ${minute} minute${minute > 1 ? "s" : ""}` : "begins now";
  announce(`${card.dataset.title} ${when}.`);
}

function tick() {
  let began = false;
  for (const card of document.querySelectorAll("[data-countdown]")) {
    const seconds = (Date.parse(card.dataset.starts) - Date.now()) / 1000;
    speak(card, seconds);
    const time = card.querySelector("[data-countdown-time] time");
    if (seconds > 0) {
      time.removeAttribute("data-relative");
      const words = sayLeft(seconds);
      if (time.textContent !== words) time.textContent = words;
    } else if (!card.classList.contains("next-meeting--now")) {
      card.classList.add("next-meeting--now");
      card.querySelector("[data-countdown-word]").textContent = "Now: started";
      time.textContent = "just now";
      time.setAttribute("data-relative", "");
      began = true;
    }
  }
  /* The server says the rest: what comes next after it, and Join where it is wanted most. */
  if (began) setTimeout(() => document.body.dispatchEvent(new CustomEvent("meeting-began")), 1500);
}

/* Copying: shown only where it can be done. */
async function copy(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  field.readOnly = true;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error("not copied");
}

function offerCopying(root) {
  for (const button of root.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  const word = button.querySelector("[data-copy-word]");
  try {
    await copy(button.dataset.copy);
    word.textContent = "Copied";
    announce("Copied");
  } catch {
    announce("Your browser does not let pages copy. Select the text and copy it.");
    getSelection().selectAllChildren(button.previousElementSibling);
  }
  button.focus();
  setTimeout(() => { word.textContent = "Copy"; }, 3000);
});

document.addEventListener("htmx:afterSettle", ({ detail }) => { if (detail.elt?.querySelectorAll) offerCopying(detail.elt); tick(); });
offerCopying(document);
tick();
setInterval(tick, 1000);
