// What the page does beyond links, forms and htmx. All of it works without this file too.
(() => {
  "use strict";

  const notes = () => document.getElementById("notes");

  function tell(template) {
    const found = document.getElementById(template);
    if (found && notes()) notes().replaceChildren(found.content.cloneNode(true));
  }

  // htmx knows the buttons inside a form; a list's buttons belong to one that stands elsewhere.
  document.addEventListener("htmx:configRequest", (event) => {
    const button = event.detail.triggeringEvent && event.detail.triggeringEvent.submitter;
    if (button && button.name) event.detail.parameters[button.name] = button.value;
  });

  // Away from the server: a request that did not arrive changed nothing, and the page says so.
  document.addEventListener("htmx:sendError", () => tell("note-unreachable"));
  document.addEventListener("htmx:timeout", () => tell("note-unreachable"));
  const connected = () => document.documentElement.classList.toggle("offline", !navigator.onLine);
  window.addEventListener("online", connected);
  window.addEventListener("offline", connected);
  connected();

  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !field && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const search = document.querySelector("input[type=search]");
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      }
    } else if (event.key === "Escape") {
      const open = event.target.closest("details[open]");
      if (open) {
        open.open = false;
        open.querySelector("summary").focus();
      }
    }
  });

  // A menu closes when something else is touched.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    const close = event.target.closest("[data-close-note]");
    if (close) notes().replaceChildren();
  });

  // A choice that changes the page does so at once where there are scripts.
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });
})();
