// What the page does beyond links, forms and htmx. All of it works without this file too.
(() => {
  "use strict";

  const notes = () => document.getElementById("notes");

  function tell(template) {
    const found = document.getElementById(template);
    if (found && notes()) notes().replaceChildren(found.content.cloneNode(true));
  }

  // A form that the server does once, however often it is sent.
  const hasKey = (form) => Boolean(form && form.elements && form.elements.key);

  // Whether a log got no answer yet. It may have arrived all the same; who taps once more sends the
  // same form, whose key has the server write it once.
  let untold = false;

  document.addEventListener("htmx:configRequest", (event) => {
    const { elt, formData, parameters, triggeringEvent, verb } = event.detail;
    // htmx knows the buttons inside a form; a list's buttons belong to one that stands elsewhere.
    const button = triggeringEvent && triggeringEvent.submitter;
    if (button && button.name) parameters[button.name] = button.value;
    if (verb === "get") {
      // What is empty stays out of the address, as the server would have it.
      for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
    } else if (elt.id === "log") {
      untold = true;
    }
  });

  // Whose request the note tells of: when the next one of it goes well, the note has had its time.
  let blamed = null;

  function unreachable(config) {
    blamed = config.elt;
    if (config.verb === "get") tell("note-unreachable");
    else tell(hasKey(config.elt.form || config.elt) ? "note-untold-once" : "note-untold");
  }

  document.addEventListener("htmx:sendError", (event) => unreachable(event.detail.requestConfig));
  document.addEventListener("htmx:timeout", (event) => unreachable(event.detail.requestConfig));

  // What somebody has opened stays open when the part around it comes anew.
  let opened = [];

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { requestConfig, target, xhr } = event.detail;
    opened = Array.from(target.querySelectorAll("details[id][open]"), (details) => details.id);
    if (xhr.status < 400) return;
    blamed = requestConfig.elt;
    // Kleio's errors say where they belong; others are of what stands between it and the browser.
    if (!xhr.getResponseHeader("HX-Retarget")) {
      event.detail.shouldSwap = false;
      unreachable(requestConfig);
    }
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const details of opened.map((id) => document.getElementById(id))) {
      if (details) details.open = true;
    }
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const { requestConfig, xhr } = event.detail;
    if (requestConfig.elt.id === "log" && xhr.status > 0 && xhr.status < 500) untold = false;
    if (requestConfig.elt === blamed && xhr.status >= 200 && xhr.status < 400) {
      if (notes().querySelector(".note.bad")) notes().replaceChildren();
      blamed = null;
    }
  });

  function connected() {
    document.documentElement.classList.toggle("offline", !navigator.onLine);
    // Whatever arrived meanwhile is told.
    if (navigator.onLine && untold) htmx.trigger(document.body, "logged");
  }
  window.addEventListener("online", connected);
  window.addEventListener("offline", connected);
  connected();

  // The options of a log are of one log. While they are folded, their summary says what is set.
  function summarise(form) {
    const summary = form.querySelector("[data-summary]");
    if (!summary) return;
    const { when, side, stylus, minutes, deep, notes: words } = form.elements;
    const set = [
      when.value ? when.value.replace("T", " ") : "Now",
      side.value ? `side ${side.value}` : "whole record",
      stylus.selectedOptions[0].dataset.says,
      minutes.value && `${minutes.value} min`,
      deep.checked && "deep cleaning",
      words.value && "with notes",
    ];
    summary.textContent = set.filter(Boolean).join(", ");
  }

  document.addEventListener("logged", (event) => {
    if (event.target.id === "log") {
      event.target.reset();
      summarise(event.target);
    } else if (event.target.matches("[data-removes]")) {
      event.target.closest("li").hidden = true;
    }
  });

  document.addEventListener("put-back", (event) => {
    for (const id of event.detail.ids) {
      const button = document.querySelector(`[data-removes][value="${id}"]`);
      if (button) button.closest("li").hidden = false;
    }
  });

  // A field that a folded part hides could not be asked for.
  document.addEventListener(
    "invalid",
    (event) => {
      const folded = event.target.closest("details:not([open])");
      if (folded) folded.open = true;
    },
    true,
  );

  let pointed = null; // what a pointer touched last, until a key is pressed

  document.addEventListener("keydown", (event) => {
    pointed = null;
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

  // Two clicks at once are one, also where the answer to the first was quicker than the second.
  document.addEventListener(
    "click",
    (event) => {
      const button = event.detail > 1 && event.target.closest("button");
      if (button && hasKey(button.form)) {
        event.preventDefault();
        event.stopPropagation();
      }
    },
    true,
  );

  // A menu closes when something else is touched.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    const close = event.target.closest("[data-close-note]");
    if (close) notes().replaceChildren();
  });

  // A choice by pointer changes the page at once. By keyboard each arrow is a choice, so there the
  // button beside it waits; a file is chosen once, however.
  document.addEventListener("pointerdown", (event) => {
    pointed = event.target;
  });
  document.addEventListener("change", (event) => {
    const field = event.target;
    if (field.form && field.form.id === "log") summarise(field.form);
    if (field.matches("[data-submit]") && (field.type === "file" || field === pointed)) {
      field.form.requestSubmit();
    }
  });
})();
