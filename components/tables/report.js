"use strict";
// Filters and sorts the tables. Rows come from a JSON block and are written as text only.
(() => {
  const SIGNS = { ok: "✓", bad: "✕", warn: "!", idle: "○", run: "▸" };
  const NUMBERS = ["integer", "number", "seconds", "dollars"];
  const KINDS = ["time", "prose", "name"];

  const make = (tag, name, text) => {
    const node = document.createElement(tag);
    if (name) node.className = name;
    if (text !== undefined) node.textContent = text;
    return node;
  };

  const titled = (word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase();

  const pill = (tone, word) => {
    const known = Object.hasOwn(SIGNS, tone) ? tone : "idle";
    const node = make("span", "pill " + known);
    const sign = make("span", "sign", SIGNS[known]);
    sign.setAttribute("aria-hidden", "true");
    node.append(sign, titled(word));
    return node;
  };

  const lastLine = (text) => {
    const line = (text.split("\n").filter((part) => part.trim()).pop() || "").trim();
    return line.length <= 80 ? line : line.slice(0, 79) + "…";
  };

  const cell = (column, text, tones) => {
    const node = make("td", NUMBERS.includes(column.kind) ? "number" : KINDS.includes(column.kind) ? column.kind : "");
    node.dataset.title = column.title;
    if (column.kind === "state" && text) {
      node.append(pill(Object.hasOwn(tones, text) ? tones[text] : "idle", text));
    } else if (column.kind === "long" && (text.includes("\n") || text.length > 80)) {
      const fold = make("details");
      const whole = make("pre", "", text);
      whole.tabIndex = 0;
      fold.append(make("summary", "", lastLine(text)), whole);
      node.append(fold);
    } else {
      node.textContent = text;
    }
    return node;
  };

  const start = (box) => {
    const data = JSON.parse(document.getElementById(box.dataset.source).textContent);
    const page = Number(box.dataset.first);
    const body = box.querySelector("tbody");
    const heads = [...box.querySelectorAll("th")];
    const controls = box.querySelector(".controls");
    const counted = box.querySelector(".counted");
    const states = data.columns.findIndex((column) => column.kind === "state");
    const all = data.rows.map((_, number) => number);
    const view = { text: "", state: "", column: -1, down: false, shown: page };

    const matches = (number) => {
      const row = data.rows[number];
      if (view.state && row[states] !== view.state) return false;
      return !view.text || row.some((part) => part.toLowerCase().includes(view.text));
    };

    const compare = (a, b) => {
      const keys = data.sort[view.column];
      const x = keys ? keys[a] : data.rows[a][view.column];
      const y = keys ? keys[b] : data.rows[b][view.column];
      const emptyX = x === null || x === "", emptyY = y === null || y === "";
      if (emptyX || emptyY) return emptyX - emptyY || a - b;
      const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
      return (view.down ? -order : order) || a - b;
    };

    const more = make("button", "more", "Show more rows");
    more.type = "button";
    more.addEventListener("click", () => { view.shown += 2 * page; draw(); });

    const draw = () => {
      const found = all.filter(matches);
      if (view.column >= 0) found.sort(compare);
      const rows = found.slice(0, view.shown).map((number) => {
        const row = make("tr");
        row.append(...data.columns.map((column, place) => cell(column, data.rows[number][place], data.tones)));
        return row;
      });
      body.replaceChildren(...rows);
      const every = found.length === all.length ? "" : " of " + all.length.toLocaleString("en");
      counted.textContent = found.length.toLocaleString("en") + every + (found.length === 1 ? " row" : " rows") +
        (rows.length < found.length ? ", the first " + rows.length.toLocaleString("en") + " shown" : "");
      more.hidden = rows.length >= found.length;
    };

    const search = make("input");
    search.type = "search";
    search.placeholder = "Filter rows";
    search.setAttribute("aria-label", "Filter rows by text");
    search.addEventListener("input", () => {
      view.text = search.value.trim().toLowerCase();
      view.shown = page;
      draw();
    });
    controls.append(search);

    const chips = [];
    if (states >= 0) {
      const counts = new Map();
      data.rows.forEach((row) => counts.set(row[states], (counts.get(row[states]) || 0) + 1));
      for (const [word, number] of counts.size > 1 ? counts : []) {
        const chip = make("button", "", titled(word) + " " + number.toLocaleString("en"));
        chip.type = "button";
        chip.setAttribute("aria-pressed", "false");
        chip.addEventListener("click", () => {
          view.state = view.state === word ? "" : word;
          view.shown = page;
          chips.forEach(([node, name]) => node.setAttribute("aria-pressed", String(name === view.state)));
          draw();
        });
        chips.push([chip, word]);
        controls.append(chip);
      }
    }

    heads.forEach((head, number) => {
      const button = make("button", "", head.textContent);
      button.type = "button";
      button.addEventListener("click", () => {
        view.down = view.column === number ? !view.down : false;
        view.column = number;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", view.down ? "descending" : "ascending");
        draw();
      });
      head.replaceChildren(button);
    });

    controls.hidden = all.length < 2;
    box.append(more);
    draw();
  };

  document.querySelectorAll(".data-table").forEach(start);
})();
