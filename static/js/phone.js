/* The pages of calls and voicemail: playing a message marks it as heard, and what comes in disturbs nobody. */

/* Hearing it begin is hearing it. The form that says so without JavaScript says so here. */
document.addEventListener("play", ({ target }) => {
  const form = document.getElementById(target.dataset?.unread ?? "");
  if (!form) return;
  delete target.dataset.unread;
  fetch(form.action, {
    method: "POST",
    headers: { ...JSON.parse(document.body.getAttribute("hx-headers") ?? "{}"), "HX-Request": "true" },
    body: new URLSearchParams({ is_read: "1" }),
  }).catch(() => {});
}, true);

/* The list is swapped while somebody listens or reads: their player and what they had opened stay as they are. */
let kept = null;

function isInUse(sound) {
  return !sound.paused || (sound.currentTime > 0 && !sound.ended);
}

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target?.id !== "calls" || !detail.shouldSwap) return;
  kept = {
    sounds: [...detail.target.querySelectorAll("audio[id]")].filter(isInUse),
    opened: [...detail.target.querySelectorAll("details[open][id]")].map((one) => one.id),
  };
});

/* In the very task of the swap: a player that is back in the page at its end plays on. */
document.addEventListener("htmx:afterSwap", () => {
  if (!kept) return;
  for (const sound of kept.sounds) document.getElementById(sound.id)?.replaceWith(sound);
  for (const id of kept.opened) document.getElementById(id)?.setAttribute("open", "");
  kept = null;
});
