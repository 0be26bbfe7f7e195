"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const MOST_SHOWN = 200;
  const PERCENT = new Set([2, 3, 4, 6]);
  const find = (selector) => document.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // A missing value comes last whichever way a column is sorted.
  const compare = (a, b, sign) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b);
  };

  // Numbers start with the largest, all else and the first column with the smallest.
  const turn = (header, startsSmall) => {
    const was = header.getAttribute("aria-sort");
    const ascends = was ? was === "descending" : startsSmall;
    for (const other of header.parentElement.children) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", ascends ? "ascending" : "descending");
    return ascends ? 1 : -1;
  };

  // Classes: the rows are in the page.
  const classBody = find("#class-table tbody");
  all("#class-table thead th").forEach((header, column) => {
    header.querySelector("button")?.addEventListener("click", () => {
      const sign = turn(header, column < 2);
      const value = (row) => {
        const text = row.children[column].dataset.value;
        return text === undefined ? null : column === 1 ? text : Number(text);
      };
      classBody.append(...[...classBody.children].sort((a, b) => compare(value(a), value(b), sign)));
    });
  });

  // Frames: the rows are made as they are needed.
  const headers = all("#frame-table thead th");
  const columns = headers.map((header) => Number(header.dataset.column));
  const frameBody = find("#frame-table tbody");
  let sorted = data.frames;
  let words = [];

  const matches = (text) => {
    const searched = text.toLowerCase();
    return words.every((word) => searched.includes(word));
  };
  const text = (value, column) => {
    if (value === null) return "–";
    if (PERCENT.has(column)) return (value * 100).toFixed(1) + "%";
    return column === 5 ? value.toFixed(1) : String(value);
  };
  const showFrames = () => {
    const found = sorted.filter((row) => matches(row[0] + " " + row[1]));
    frameBody.replaceChildren(...found.slice(0, MOST_SHOWN).map((row) => {
      const line = document.createElement("tr");
      for (const column of columns) {
        line.append(document.createElement("td"));
        line.lastChild.textContent = text(row[column], column);
      }
      return line;
    }));
    const more = found.length > MOST_SHOWN ? `The first ${MOST_SHOWN} of ${found.length} are shown.` : "";
    find("#frames-shown").textContent = found.length || !data.frames.length ? more : "No frame matches.";
    return found.length;
  };
  headers.forEach((header) => {
    header.querySelector("button").addEventListener("click", () => {
      const column = Number(header.dataset.column);
      const sign = turn(header, column < 2);
      sorted = [...data.frames].sort((a, b) => compare(a[column], b[column], sign));
      showFrames();
    });
  });

  // The search filters whatever says in data-search what it is about, and the frames.
  const search = find("#search");
  const filter = (selector) => {
    const found = all(selector).filter((one) => !(one.hidden = !matches(one.dataset.search)));
    return found.length;
  };
  const apply = () => {
    words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const classes = filter("#class-table tbody tr");
    const pictures = filter("article.frame");
    filter("#matrix tbody tr");
    for (const group of all(".group")) group.hidden = !group.querySelector(".frame:not([hidden])");
    const none = find("#pictures > .none");
    if (none) none.hidden = pictures > 0;
    const frames = showFrames();
    const total = classBody.children.length;
    find("#found").textContent = words.length ?
      `${classes} of ${total} classes, ${pictures} pictured frames, ${frames} of ${data.frames.length} frames` : "";
  };
  const fromAddress = () => {
    const given = new URLSearchParams(location.hash.slice(1)).get("q");
    if (given !== null) search.value = given;
    apply();
  };
  search.addEventListener("input", () => {
    history.replaceState(null, "", search.value ? "#q=" + encodeURIComponent(search.value) : "#");
    apply();
  });
  addEventListener("hashchange", fromAddress);
  fromAddress();

  // Confusion: what a cell says, by pointer and by arrow keys.
  const matrix = find("#matrix");
  if (matrix) {
    const rows = all("tbody tr", matrix);
    const tops = all("thead th", matrix);
    const number = (pixels) => pixels.toLocaleString("en");
    let lit = [];
    const say = (cell) => {
      const row = rows.indexOf(cell.parentElement);
      const column = cell.cellIndex - 1;
      const pixels = data.confusion.pixels[row];
      const whole = pixels.reduce((sum, one) => sum + one, 0);
      const truth = rows[row].dataset.search;
      const share = (pixels[column] / whole * 100).toFixed(2);
      const verb = row === column ? "found as" : "taken for";
      find("#cell").textContent = `${truth} ${verb} ${data.confusion.columns[column]}: ${share}% ` +
        `(${number(pixels[column])} of ${number(whole)} pixels)`;
      lit.forEach((one) => one.classList.remove("lit"));
      lit = [rows[row].firstChild, tops[column]];
      lit.forEach((one) => one.classList.add("lit"));
    };
    const reach = (cell) => {
      all('td[tabindex="0"]', matrix).forEach((one) => (one.tabIndex = -1));
      cell.tabIndex = 0;
    };
    matrix.addEventListener("pointerover", (event) => {
      const cell = event.target.closest("tbody td");
      if (cell) say(cell);
    });
    matrix.addEventListener("focusin", (event) => {
      reach(event.target);
      say(event.target);
    });
    matrix.addEventListener("keydown", (event) => {
      const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
      const cell = event.target.closest("tbody td");
      if (!step || !cell) return;
      event.preventDefault();
      const shown = rows.filter((row) => !row.hidden);
      const row = shown[shown.indexOf(cell.parentElement) + step[0]];
      const next = row?.children[cell.cellIndex + step[1]];
      if (next?.tagName === "TD") next.focus();
    });
    if (rows.length) reach(rows[0].children[1]);
  }

  // Pictures: the class under the pointer, read from the colour.
  const large = find("#large");
  large?.addEventListener("change", () => find("#pictures").classList.toggle("large", large.checked));
  const hex = (part) => part.toString(16).padStart(2, "0");
  for (const picture of all("img[data-labels]")) {
    const told = picture.parentElement.querySelector(".under");
    let pixels = null;
    picture.addEventListener("pointermove", (event) => {
      if (!picture.naturalWidth) return;
      if (!pixels) {
        const canvas = document.createElement("canvas");
        canvas.width = picture.naturalWidth;
        canvas.height = picture.naturalHeight;
        pixels = canvas.getContext("2d");
        pixels.drawImage(picture, 0, 0);
      }
      const x = Math.floor(event.offsetX / picture.clientWidth * picture.naturalWidth);
      const y = Math.floor(event.offsetY / picture.clientHeight * picture.naturalHeight);
      const [r, g, b] = pixels.getImageData(x, y, 1, 1).data;
      told.textContent = data.colors["#" + hex(r) + hex(g) + hex(b)] ?? "unlabelled";
    });
    picture.addEventListener("pointerleave", () => (told.textContent = ""));
  }
})();
