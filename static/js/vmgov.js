// Makes quick what already works as links and forms: keys, rows, selecting, the drawer, copy buttons, messages.
"use strict";
(() => {
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const drawer = () => document.getElementById("drawer");
  const help = () => document.getElementById("help");
  const isShown = (element) => element.getClientRects().length > 0;
  let waitsForPlace = 0;
  let opener = null;

  const isTyping = (element) => element.closest("textarea, select, [contenteditable], input:not([type=checkbox], [type=radio])") !== null;

  // --- rows ---------------------------------------------------------------------------------
  const rows = () => all("main tr[data-row]").filter(isShown);
  const current = () => one("main tr.is-current");

  function choose(row) {
    current()?.classList.remove("is-current");
    if (!row) return;
    row.classList.add("is-current");
    one("[data-open]", row)?.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  function move(step) {
    const list = rows();
    // On a page of one thing: the next or the previous of the list it came from.
    if (!list.length) return one(`main a[rel=${step > 0 ? "next" : "prev"}]`)?.click();
    const index = list.indexOf(current());
    choose(list[index < 0 ? 0 : Math.min(Math.max(index + step, 0), list.length - 1)]);
  }

  // --- selecting ----------------------------------------------------------------------------
  const boxes = () => all("main input[data-select]");
  let lastBox = null;

  function count() {
    const list = boxes();
    const chosen = list.filter((box) => box.checked).length;
    for (const box of list) box.closest("tr, li")?.classList.toggle("is-selected", box.checked);
    for (const head of all("[data-select-all]")) {
      head.checked = chosen > 0 && chosen === list.length;
      head.indeterminate = chosen > 0 && chosen < list.length;
    }
    for (const bar of all("[data-bulk]")) {
      const every = one("[data-select-every]", bar);
      if (chosen < list.length && every) every.checked = false;
      bar.hidden = chosen === 0;
      const number = one("[data-bulk-count]", bar);
      const text = every?.checked ? "All" : chosen.toLocaleString("en-GB");
      if (number && number.textContent !== text) number.textContent = text;
    }
  }

  function select(box, isOn, withShift) {
    const list = boxes();
    const [from, to] = [list.indexOf(lastBox), list.indexOf(box)].sort((a, b) => a - b);
    if (withShift && from >= 0) for (const each of list.slice(from, to + 1)) each.checked = isOn;
    else box.checked = isOn;
    lastBox = box;
    count();
  }

  // --- drawer -------------------------------------------------------------------------------
  function closeDrawer() {
    const panel = drawer();
    if (!panel || panel.hidden) return false;
    panel.hidden = true;
    panel.replaceChildren();
    opener?.focus({ preventScroll: true });
    opener = null;
    return true;
  }

  // --- waiting for the server ---------------------------------------------------------------
  const waitingFor = new Set();

  document.addEventListener("htmx:before:request", (event) => {
    const { target } = event.detail.ctx;
    if (!(target instanceof Element)) return;
    target.setAttribute("aria-busy", "true");
    waitingFor.add(event.detail.ctx);
    setTimeout(() => document.body.classList.toggle("is-waiting", waitingFor.size > 0), 200);
  });

  document.addEventListener("htmx:finally:request", (event) => {
    const { target } = event.detail.ctx;
    if (target instanceof Element) target.removeAttribute("aria-busy");
    waitingFor.delete(event.detail.ctx);
    document.body.classList.toggle("is-waiting", waitingFor.size > 0);
  });

  // A page about an error is no part of this page: say it in words and leave what is there.
  document.addEventListener("htmx:before:response", (event) => {
    const { raw, status } = event.detail.ctx.response;
    if (raw.redirected && new URL(raw.url).pathname.startsWith("/accounts/")) {
      event.preventDefault();
      location.reload();
    } else if (status >= 400 && ![400, 409, 422].includes(status)) {
      event.preventDefault();
      say(status === 404 || status === 403 ? "This is no longer there, or is outside what you may see."
        : status === 429 ? "Too many requests. Wait a minute, then try again."
        : status === 503 ? "The server is busy. Nothing was changed; try again in a moment."
        : "Something failed on our side. Nothing was changed; try again.");
    }
  });

  document.addEventListener("htmx:error", (event) => {
    if (event.detail.ctx) say("The server did not answer. Nothing was changed; try again.");
  });

  document.addEventListener("htmx:after:swap", () => {
    const panel = drawer();
    if (panel?.childElementCount && panel.hidden) {
      opener = document.activeElement;
      panel.hidden = false;
      panel.scrollTop = 0;
    }
    if (panel?.childElementCount && !panel.contains(document.activeElement)) one("[data-focus]", panel)?.focus({ preventScroll: true });
    enhance();
  });

  // --- messages -----------------------------------------------------------------------------
  function say(text) {
    const message = document.createElement("div");
    message.className = "v-message v-message-error";
    const words = document.createElement("p");
    words.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "v-message-close";
    close.dataset.dismiss = "";
    close.setAttribute("aria-label", "Dismiss");
    close.textContent = "×";
    message.append(words, close);
    document.getElementById("messages")?.replaceChildren(message);
  }

  // What only confirms goes by itself, unless somebody is at it; what can be undone stays.
  function passMessages() {
    for (const message of all("[data-passing]:not([data-seen])")) {
      message.dataset.seen = "";
      const leave = () => message.matches(":hover, :focus-within") ? setTimeout(leave, 2000) : message.remove();
      setTimeout(leave, 8000);
    }
  }

  // --- copying ------------------------------------------------------------------------------
  function addCopyButtons(root) {
    if (!navigator.clipboard) return;
    for (const block of all("[data-copy] pre, pre[data-copy]", root)) {
      if (block.parentElement.querySelector(":scope > .v-copy")) continue;
      block.parentElement.append(copyButton(block, "v-copy"));
    }
    // Commands in running text; a single word is typed faster than it is copied.
    for (const command of all("[data-copy] :not(pre) > code", root)) {
      if (!command.textContent.includes(" ") || command.nextElementSibling?.matches(".v-copy")) continue;
      command.after(copyButton(command, "v-copy v-copy-inline"));
    }
  }

  function copyButton(block, classes) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = classes;
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(block.textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    return button;
  }

  // --- clicks -------------------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    const { target } = event;
    for (const menu of all("details.v-menu[open]")) {
      if (!menu.contains(target)) menu.open = false;
    }
    if (target.closest("[data-close-drawer]")) {
      event.preventDefault();
      closeDrawer();
    } else if (target.closest("[data-dismiss]")) {
      target.closest(".v-message")?.remove();
    } else if (target.closest("[data-help]")) {
      openHelp();
    } else if (target.closest("[data-select-none]")) {
      for (const box of boxes()) box.checked = false;
      count();
    } else if (target.matches("[data-select]")) {
      select(target, target.checked, event.shiftKey);
    } else {
      const row = target.closest("tr[data-row]");
      if (!row || target.closest("a, button, input, select, label, summary, .v-check") || String(getSelection())) return;
      choose(row);
      one("[data-open]", row)?.click();
    }
  });

  // Filters act at once; their button is for browsers without script.
  document.addEventListener("change", (event) => {
    const { target } = event;
    if (target.matches("[data-select-all], [data-select-every]")) {
      for (const box of boxes()) box.checked = target.checked;
      if (target.matches("[data-select-every]")) target.checked = target.checked && boxes().length > 0;
      count();
    } else if (target.form?.matches("[data-at-once]") && target.matches("select, input[type=checkbox], input[type=date]")) {
      target.form.requestSubmit();
    }
  });
  // An empty field says nothing: leave it out of the address, but not others of the same name.
  document.addEventListener("formdata", (event) => {
    if (!event.target.matches("form[data-at-once]")) return;
    const said = [...event.formData].filter(([, value]) => value !== "");
    for (const name of [...event.formData.keys()]) event.formData.delete(name);
    for (const [name, value] of said) event.formData.append(name, value);
  });
  // Nothing is sent twice because somebody was impatient.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
    setTimeout(() => { delete form.dataset.sent; }, 3000);
  });

  // --- keys ---------------------------------------------------------------------------------
  // What has `data-key` does its act when that key is pressed: the nearest that is in sight, so
  // first in the drawer, then in the bar for what is selected, the current row, and the page.
  function withKey(key) {
    const selector = `[data-key="${CSS.escape(key)}"]`;
    const panel = drawer();
    const places = [panel && !panel.hidden ? panel : null, one("[data-bulk]:not([hidden])"), current(), one("main")];
    for (const place of places) {
      const found = place && all(selector, place).find((element) => isShown(element) && !element.disabled);
      if (found) return found;
    }
    return null;
  }

  function act(element) {
    if (element.matches("details")) {
      element.open = true;
      one("input:not([type=hidden]), select, textarea, button, a", element.querySelector(":scope > :not(summary)") ?? element)?.focus();
    } else if (element.matches("input:not([type=checkbox], [type=submit]), textarea, select")) {
      element.focus();
    } else {
      element.click();
    }
  }

  function openHelp() {
    const dialog = help();
    if (!dialog) return;
    const here = one("[data-help-here]", dialog);
    const places = one("[data-help-places]", dialog);
    for (const line of all("[data-help-added]", dialog)) line.remove();
    for (const line of all("[data-help-rows]", dialog)) line.hidden = rows().length === 0;
    for (const line of all("[data-help-select]", dialog)) line.hidden = boxes().length === 0;
    const known = new Set();
    for (const element of all("main [data-key], #drawer [data-key]")) {
      if (known.has(element.dataset.key)) continue;
      known.add(element.dataset.key);
      const words = element.dataset.keyLabel ?? one("summary", element)?.textContent ?? element.textContent;
      here.append(helpLine([element.dataset.key], words.trim()));
    }
    for (const link of all("[data-go]")) places.append(helpLine(["g", link.dataset.go], one("span", link).textContent));
    dialog.showModal();
  }

  function helpLine(keys, words) {
    const line = document.createElement("div");
    const name = document.createElement("dt");
    for (const key of keys) {
      const drawn = document.createElement("kbd");
      drawn.textContent = key;
      name.append(drawn, " ");
    }
    const meaning = document.createElement("dd");
    meaning.textContent = words;
    line.dataset.helpAdded = "";
    line.append(name, meaning);
    return line;
  }

  const keys = {
    "/": () => one("#search")?.select(),
    "?": openHelp,
    j: () => move(1),
    k: () => move(-1),
    x: () => {
      const box = current() && one("[data-select]", current());
      if (box) select(box, !box.checked, false);
    },
  };

  function escape(target) {
    const menu = one("details.v-menu[open]");
    if (menu) {
      menu.open = false;
      if (menu.contains(target)) one("summary", menu).focus();
    } else if (location.hash === "#navigation") {
      location.hash = "#";
    } else if (isTyping(target)) {
      target.blur();
    } else {
      closeDrawer();
    }
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || one("dialog[open]")) return;
    const { key, target } = event;
    if (key === "Escape") return escape(target);
    if (isTyping(target)) return;
    if (waitsForPlace && Date.now() - waitsForPlace < 1500) {
      waitsForPlace = 0;
      const link = one(`[data-go="${CSS.escape(key)}"]`);
      if (link) {
        event.preventDefault();
        location.assign(link.href);
        return;
      }
    }
    if (key === "g") {
      waitsForPlace = Date.now();
    } else if (Object.hasOwn(keys, key)) {
      event.preventDefault();
      keys[key]();
    } else if (key === "Enter") {
      if (current() && !target.closest("a, button, summary, input")) one("[data-open]", current())?.click();
    } else if (key.length === 1) {
      const element = withKey(key);
      if (!element) return;
      event.preventDefault();
      act(element);
    }
  });

  // --- tables wider than their place --------------------------------------------------------
  // They scroll, so they take the focus for the arrow keys and say what they are.
  const wraps = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.dataset.named === undefined) target.dataset.named = target.hasAttribute("tabindex") ? "" : "no";
      if (target.dataset.named === "") continue;
      const scrolls = target.scrollWidth > target.clientWidth + 1;
      if (!scrolls) {
        for (const name of ["tabindex", "role", "aria-label"]) target.removeAttribute(name);
        continue;
      }
      const name = one("caption", target) ?? one("h2", target.closest("section, .v-card") ?? target) ?? one("h1");
      target.tabIndex = 0;
      target.setAttribute("role", "region");
      target.setAttribute("aria-label", `${(name?.textContent ?? "Table").trim().slice(0, 80)}, scrolls sideways`);
    }
  });

  // A number in a card on a phone says what it counts, as the head of its column does.
  function labelNumbers() {
    for (const table of all(".v-table-stack .v-table")) {
      const heads = all("thead th", table).map((head) => head.textContent.trim().toLowerCase());
      for (const cell of all("tbody td.v-num:not([data-label])", table)) {
        const before = [...cell.parentElement.children].slice(0, cell.cellIndex);
        const index = before.reduce((sum, each) => sum + each.colSpan, 0);
        if (heads[index]) cell.dataset.label = heads[index];
      }
    }
  }

  // --- what script adds ---------------------------------------------------------------------
  function enhance() {
    addCopyButtons(document);
    passMessages();
    count();
    labelNumbers();
    for (const wrap of all(".v-table-wrap, .v-drawing")) wraps.observe(wrap);
  }

  document.addEventListener("DOMContentLoaded", enhance);
  if (document.readyState !== "loading") enhance();
})();
