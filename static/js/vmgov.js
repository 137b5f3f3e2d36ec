// Makes quick what already works as links and forms: keys, rows, the drawer, copy buttons, the theme.
"use strict";
(() => {
  const places = { o: "/", f: "/findings/", v: "/inventory/vms/", h: "/inventory/hosts/", p: "/policies/", s: "/sources/" };
  const drawer = () => document.getElementById("drawer");
  const help = () => document.getElementById("help");
  let waitsForPlace = 0;
  let opener = null;

  const isTyping = (element) => element.closest("input, textarea, select, [contenteditable]") !== null;

  // --- rows ---------------------------------------------------------------------------------
  const rows = () => [...document.querySelectorAll("main tr[data-row]")];
  const current = () => document.querySelector("tr.is-current");

  function choose(row) {
    current()?.classList.remove("is-current");
    if (!row) return;
    row.classList.add("is-current");
    row.querySelector("[data-open]")?.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  function move(step) {
    const all = rows();
    if (!all.length) return;
    const index = all.indexOf(current());
    choose(all[Math.min(Math.max(index + step, 0), all.length - 1)]);
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

  document.addEventListener("htmx:after:swap", () => {
    const panel = drawer();
    if (panel?.childElementCount && panel.hidden) {
      opener = document.activeElement;
      panel.hidden = false;
      panel.scrollTop = 0;
    }
    if (panel?.childElementCount) panel.querySelector("[data-focus]")?.focus({ preventScroll: true });
    addCopyButtons(document);
  });

  // --- copying ------------------------------------------------------------------------------
  function addCopyButtons(root) {
    if (!navigator.clipboard) return;
    for (const block of root.querySelectorAll("[data-copy] pre, pre[data-copy]")) {
      if (block.parentElement.querySelector(":scope > .v-copy")) continue;
      block.parentElement.append(copyButton(block, "v-copy"));
    }
    // Commands in running text; a single word is typed faster than it is copied.
    for (const command of root.querySelectorAll("[data-copy] :not(pre) > code")) {
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
    for (const menu of document.querySelectorAll("details.v-menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    if (event.target.closest("[data-close-drawer]")) {
      event.preventDefault();
      closeDrawer();
      return;
    }
    const row = event.target.closest("tr[data-row]");
    if (!row || event.target.closest("a, button, input, label, summary") || String(getSelection())) return;
    choose(row);
    row.querySelector("[data-open]")?.click();
  });

  // Filters act at once; their button is for browsers without script.
  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (form?.matches("[data-at-once]") && event.target.matches("select, input[type=checkbox], input[type=date]")) form.requestSubmit();
  });
  // An empty field says nothing: leave it out of the address.
  document.addEventListener("formdata", (event) => {
    if (!event.target.matches("form[data-at-once]")) return;
    for (const [name, value] of [...event.formData]) {
      if (value === "") event.formData.delete(name);
    }
  });

  // --- keys ---------------------------------------------------------------------------------
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      const menu = document.querySelector("details.v-menu[open]");
      if (menu) menu.open = false;
      else if (!closeDrawer() && isTyping(event.target)) event.target.blur();
      return;
    }
    if (isTyping(event.target) || help()?.open) return;
    if (waitsForPlace && Date.now() - waitsForPlace < 1500 && places[event.key]) {
      const link = document.querySelector(`.v-rail a[href="${places[event.key]}"]`);
      waitsForPlace = 0;
      if (link) location.assign(link.href);
      return;
    }
    waitsForPlace = event.key === "g" ? Date.now() : 0;
    if (event.key === "/") {
      event.preventDefault();
      document.getElementById("search")?.select();
    } else if (event.key === "?") {
      help()?.showModal();
    } else if (event.key === "j") {
      move(1);
    } else if (event.key === "k") {
      move(-1);
    } else if (event.key === "Enter" && current() && !event.target.closest("a, button, summary")) {
      current().querySelector("[data-open]")?.click();
    }
  });

  document.addEventListener("DOMContentLoaded", () => addCopyButtons(document));
  if (document.readyState !== "loading") addCopyButtons(document);
})();
