/* A click on Call goes into the call history. The link works without it, and leads to the program that dials. */

const { "X-CSRFToken": token } = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}");

document.addEventListener("click", ({ target }) => {
  const link = target.closest("a[data-call]");
  if (!link || !token) return;
  /* keepalive: the program that dials may take the page's place at once. Nobody waits for the answer. */
  fetch("/phone/attempts/", {
    method: "POST",
    keepalive: true,
    headers: { "X-CSRFToken": token },
    body: new URLSearchParams({ number: link.dataset.call }),
  }).catch(() => {});
});
