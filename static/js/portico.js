/* What a page can do better with JavaScript than without. Nothing here is needed. */

const announcer = document.getElementById("announcer");

/** Say a sentence to assistive technology. */
export function announce(sentence) {
  if (!announcer || !sentence) return;
  announcer.textContent = "";
  setTimeout(() => { announcer.textContent = sentence; }, 60);
}

/* Relative times: the same words as portal/templatetags/portico.py. */
function sayRelative(seconds) {
  const size = Math.abs(seconds);
  for (const [unit, length] of [["day", 86400], ["h", 3600], ["min", 60], ["s", 1]]) {
    if (size >= length) {
      const count = Math.floor(size / length);
      const words = `${count} ${unit}${unit === "day" && count > 1 ? "s" : ""}`;
      return seconds > 0 ? `in ${words}` : `${words} ago`;
    }
  }
  return "just now";
}

function refreshTimes() {
  for (const time of document.querySelectorAll("time[data-relative]")) {
    const words = sayRelative((Date.parse(time.dateTime) - Date.now()) / 1000);
    if (time.textContent !== words) time.textContent = words;
  }
}
setInterval(refreshTimes, 5000);
document.addEventListener("visibilitychange", refreshTimes);

/* The browser knows its time zone: offer it where the form still holds its default. */
function guessTimeZone(root) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone) return;
  for (const field of root.querySelectorAll("[data-guess-time-zone]")) {
    const known = field.tagName !== "SELECT" || [...field.options].some((option) => option.value === zone);
    if (known && !field.dataset.touched) field.value = zone;
  }
}
document.addEventListener("change", ({ target }) => { target.dataset.touched = "yes"; });

/* An open menu closes on Escape and on a click elsewhere. */
document.addEventListener("click", ({ target }) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

/* A filter form sends itself when a select changes: <select data-submits>. */
document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-submits]") && !target.closest("[hx-get]")) target.form.requestSubmit();
});

/* htmx: say what changed, and keep the keyboard where the work goes on. */
document.addEventListener("announce", ({ detail }) => announce(detail.value ?? detail));
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  const { elt } = detail;
  if (!elt?.querySelector) return;
  guessTimeZone(elt);
  const spoken = elt.matches("[data-announce]") ? elt : elt.querySelector("[data-announce]");
  if (spoken) announce(spoken.dataset.announce);
  const wanted = elt.querySelector("[aria-invalid=true], [data-focus]");
  if (wanted) wanted.focus();
});
document.addEventListener("htmx:sendError", () => announce("Portico cannot be reached. Check your network and try again."));
document.addEventListener("htmx:responseError", ({ detail }) => {
  announce(`That did not work (error ${detail.xhr.status}). Reload the page and try again.`);
});
document.addEventListener("htmx:timeout", () => announce("The answer takes too long. Try again."));

guessTimeZone(document);
refreshTimes();
document.querySelector(".errorlist.nonfield, [aria-invalid=true]")?.focus?.();
