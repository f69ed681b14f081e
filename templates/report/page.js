"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Colours: what the system says, or what the reader chose; remembered where the browser allows it.
  const root = document.documentElement;
  const remembered = (value) => {
    try {
      if (value !== undefined) localStorage.setItem("hwgen-theme", value);
      return localStorage.getItem("hwgen-theme");
    } catch {
      return value;
    }
  };
  const themes = ["auto", "light", "dark"];
  const theme = document.getElementById("theme");
  const paint = (name) => {
    if (name === "auto") delete root.dataset.theme;
    else root.dataset.theme = name;
    theme.textContent = `Theme: ${name}`;
  };
  let chosen = [remembered(), root.dataset.theme].find((name) => themes.includes(name)) ?? "auto";
  paint(chosen);
  theme.hidden = false;
  theme.addEventListener("click", () => {
    chosen = themes[(themes.indexOf(chosen) + 1) % themes.length];
    remembered(chosen);
    paint(chosen);
  });

  // Layers: a link to a layer opens its panel without leaving the picture.
  const panel = document.getElementById("panel");
  const select = (name, bring) => {
    const article = document.getElementById(`at-${name}`);
    if (!article) return;
    panel.classList.add("picked");
    all("article.on", panel).forEach((other) => other.classList.remove("on"));
    all(".net [aria-current]").forEach((other) => other.removeAttribute("aria-current"));
    article.classList.add("on");
    const box = document.querySelector(`.net [data-layer="${CSS.escape(name)}"]`);
    if (box) box.setAttribute("aria-current", "true");
    panel.scrollTop = 0;
    if (bring && box) box.scrollIntoView({ block: "center", inline: "center" });
    if (bring || matchMedia("(max-width: 860px)").matches) panel.scrollIntoView({ block: "nearest" });
  };
  all("a[href^='#at-']").forEach((link) => {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const name = link.getAttribute("href").slice(4);
      history.replaceState(null, "", `#at-${name}`);
      select(name, !link.closest(".net"));
    });
  });
  if (panel && location.hash.startsWith("#at-")) select(location.hash.slice(4), true);
  else if (panel && !matchMedia("(max-width: 860px)").matches) select(panel.dataset.first, false);

  // The picture: larger, smaller, all of its width.
  const canvas = document.getElementById("canvas");
  if (canvas) {
    const picture = canvas.querySelector("svg");
    const zoom = document.querySelector(".zoom");
    const window = canvas.querySelector(".pan");
    const [width, height] = [picture.viewBox.baseVal.width, picture.viewBox.baseVal.height];
    let scale = 1;
    const resize = (to) => {
      scale = Math.min(2, Math.max(0.15, to));
      picture.setAttribute("width", width * scale);
      picture.setAttribute("height", height * scale);
    };
    const steps = { in: () => scale * 1.25, out: () => scale / 1.25, fit: () => window.clientWidth / width };
    zoom.hidden = false;
    all("[data-zoom]", zoom).forEach((button) => {
      button.addEventListener("click", () => resize(steps[button.dataset.zoom]()));
    });
    if (window.clientWidth < width) resize(Math.max(0.6, steps.fit()));
  }

  // Tables: sorted by a click on a column's name.
  const value = (row, column) => {
    const text = row.cells[column].textContent.trim();
    const number = Number.parseFloat(text.replaceAll(",", ""));
    return Number.isNaN(number) ? text : number;
  };
  const order = (a, b) => {
    if (typeof a === typeof b) return typeof a === "number" ? a - b : a.localeCompare(b);
    return typeof a === "number" ? -1 : 1;
  };
  all("table.sortable").forEach((table) => {
    const body = table.tBodies[0];
    const original = [...body.rows];
    all("thead th", table).forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const next = { ascending: "descending", descending: "" }[head.getAttribute("aria-sort")] ?? "ascending";
        all("thead th", table).forEach((other) => other.removeAttribute("aria-sort"));
        const rows = [...original];
        if (next) {
          head.setAttribute("aria-sort", next);
          rows.sort((a, b) => order(value(a, column), value(b, column)) * (next === "ascending" ? 1 : -1));
        }
        body.append(...rows);
      });
    });
  });

  // Decisions: only those that contain some words.
  all("[data-filter]").forEach((field) => {
    const rows = [...document.getElementById(field.dataset.filter).tBodies[0].rows];
    const line = field.closest(".filter");
    line.hidden = false;
    field.addEventListener("input", () => {
      const wanted = field.value.toLowerCase();
      rows.forEach((row) => (row.hidden = !row.textContent.toLowerCase().includes(wanted)));
      line.querySelector("[role=status]").textContent = wanted ? `${rows.filter((row) => !row.hidden).length} shown` : "";
    });
  });
})();
