/* The list of invitees as chips, with a box that finds people while one types. Without this file the list is typed. */

const PAUSE = 180;
const SEPARATORS = /[,;\n]/;

function say(sentence) {
  document.dispatchEvent(new CustomEvent("announce", { detail: sentence }));
}

/* The same rules as meetings/addresses.py: a comma within quotes, brackets or a name parts nothing. */
function cut(text, mark) {
  const pieces = [""];
  let isQuoted = false;
  let isWithin = false;
  for (const character of text) {
    if (character === '"') isQuoted = !isQuoted;
    if (character === "<") isWithin = true;
    if (character === ">") isWithin = false;
    if (character === mark && !isQuoted && !isWithin) pieces.push("");
    else pieces[pieces.length - 1] += character;
  }
  return pieces.map((piece) => piece.trim()).filter(Boolean);
}

function split(text) {
  const found = [];
  for (const line of text.split("\n")) {
    for (const part of cut(line, ";")) {
      const names = [];
      for (let piece of cut(part, ",")) {
        if (!piece.includes("@") && !piece.includes("<")) {
          names.push(piece);
          continue;
        }
        if (names.length && piece.includes("<") && !piece.startsWith("<")) piece = `${names.pop()}, ${piece}`;
        found.push(...names.splice(0), piece);
      }
      found.push(...names);
    }
  }
  return found;
}

function addressOf(entry) {
  const named = entry.match(/<([^<>]*)>\s*$/);
  return (named ? named[1] : entry).trim().toLowerCase();
}

function nameOf(entry) {
  const named = entry.match(/^(.*)<[^<>]*>\s*$/);
  return (named && named[1].replaceAll('"', "").trim()) || entry.replace(/^<|>$/g, "");
}

function isAddress(entry) {
  return /^[^\s@]+@[^\s@]+\.[^\s@.]+$/.test(addressOf(entry));
}

function enhance(root) {
  const list = root.querySelector("textarea");
  const box = root.querySelector(".combobox input");
  const options = root.querySelector("[role=listbox]");
  const chips = root.querySelector("[data-chips]");
  let entries = split(list.value);
  let active = -1;
  let waiting;
  let asked;

  root.classList.add("invitees--live");
  box.removeAttribute("list");
  box.setAttribute("role", "combobox");
  box.setAttribute("aria-autocomplete", "list");
  box.setAttribute("aria-controls", options.id);
  box.setAttribute("aria-expanded", "false");

  function draw() {
    list.value = entries.join("\n");
    chips.replaceChildren(...entries.map((entry, index) => {
      const chip = document.createElement("li");
      chip.className = isAddress(entry) ? "chip" : "chip chip--bad";
      chip.title = entry;
      const words = document.createElement("span");
      words.className = "truncate";
      words.dir = "auto";
      words.textContent = nameOf(entry);
      const remove = document.createElement("button");
      remove.type = "button";
      remove.className = "chip__remove";
      remove.textContent = "×";
      remove.setAttribute("aria-label", `Remove ${nameOf(entry)}`);
      remove.addEventListener("click", () => {
        entries.splice(index, 1);
        draw();
        (chips.querySelectorAll(".chip__remove")[index] ?? box).focus();
        say(`${nameOf(entry)} removed. ${entries.length} invited.`);
      });
      chip.append(words, remove);
      return chip;
    }));
  }

  function add(texts) {
    const known = new Set(entries.map(addressOf));
    const fresh = texts.filter((text) => !known.has(addressOf(text)) && known.add(addressOf(text)));
    entries.push(...fresh);
    box.value = "";
    close();
    draw();
    chips.scrollTop = chips.scrollHeight;
    if (fresh.length === 1) say(`${nameOf(fresh[0])} added. ${entries.length} invited.`);
    else if (fresh.length) say(`${fresh.length} people added. ${entries.length} invited.`);
  }

  function close() {
    clearTimeout(waiting);
    asked?.abort();
    options.hidden = true;
    options.replaceChildren();
    active = -1;
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
  }

  function activate(index) {
    const all = [...options.children];
    active = all.length ? (index + all.length) % all.length : -1;
    all.forEach((option, at) => option.setAttribute("aria-selected", String(at === active)));
    if (active < 0) return;
    box.setAttribute("aria-activedescendant", all[active].id);
    all[active].scrollIntoView({ block: "nearest" });
  }

  function choose(option) {
    const { name, email } = option.dataset;
    const plain = name.replaceAll('"', "").replaceAll(/[<>]/g, "");
    if (!plain || plain.toLowerCase() === email.toLowerCase()) add([email]);
    else add([/[,;@]/.test(plain) ? `"${plain}" <${email}>` : `${plain} <${email}>`]);
  }

  async function look() {
    const text = box.value.trim();
    if (text.length < 2) return close();
    asked?.abort();
    asked = new AbortController();
    try {
      const answer = await fetch(`${root.dataset.people}?q=${encodeURIComponent(text)}`, { signal: asked.signal });
      if (!answer.ok || answer.redirected) return close();
      options.innerHTML = await answer.text();
    } catch {
      return undefined; // asked anew, or out of reach: addresses can be typed all the same
    }
    const known = new Set(entries.map(addressOf));
    for (const option of [...options.children]) {
      if (known.has(option.dataset.email.toLowerCase())) option.remove();
    }
    const count = options.children.length;
    options.hidden = count === 0;
    box.setAttribute("aria-expanded", String(count > 0));
    active = -1;
    if (count) say(`${count} ${count === 1 ? "person" : "people"} found.`);
    return undefined;
  }

  box.addEventListener("input", () => {
    if (SEPARATORS.test(box.value) && isAddress(box.value.replace(/[,;\s]+$/, ""))) return add(split(box.value));
    clearTimeout(waiting);
    waiting = setTimeout(look, PAUSE);
    return undefined;
  });
  box.addEventListener("paste", (event) => {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (!text.includes("@")) return;
    event.preventDefault();
    add(split(text.replaceAll("\r", "")));
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" && !options.hidden) activate(active + 1);
    else if (event.key === "ArrowUp" && !options.hidden) activate(active - 1);
    else if (event.key === "Escape" && !options.hidden) close();
    else if (event.key === "Enter" && active >= 0) choose(options.children[active]);
    else if (event.key === "Enter" && box.value.trim()) add(split(box.value));
    else if (event.key === "Backspace" && !box.value && entries.length) {
      const last = entries.pop();
      draw();
      say(`${nameOf(last)} removed. ${entries.length} invited.`);
    } else return;
    event.preventDefault();
  });
  box.addEventListener("blur", () => setTimeout(close, 150));
  options.addEventListener("mousedown", (event) => event.preventDefault());
  options.addEventListener("click", ({ target }) => {
    const option = target.closest("[role=option]");
    if (!option) return;
    choose(option);
    box.focus();
  });
  draw();
}

function enhanceAll(root) {
  for (const one of root.querySelectorAll("[data-invitees]:not(.invitees--live)")) enhance(one);
}

document.addEventListener("htmx:afterSettle", () => enhanceAll(document));
enhanceAll(document);
