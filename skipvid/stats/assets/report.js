"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const percent = (v) => (v > 0 && v < 0.00095 ? (100 * v).toFixed(2) : (100 * v).toFixed(1)) + " %";
  const clock = (s) => {
    const tenths = Math.round(Math.max(s, 0) * 10), minutes = Math.floor(tenths / 600), rest = tenths % 600;
    const two = (n) => String(n).padStart(2, "0");
    return minutes >= 60 ? Math.floor(minutes / 60) + ":" + two(minutes % 60) + ":" + two(Math.floor(rest / 10))
      : minutes + ":" + (rest < 100 ? "0" : "") + (rest / 10).toFixed(1);
  };
  const tip = (box) => {
    const element = box.querySelector(".tip");
    return {
      show(lines, x, y) {
        element.replaceChildren(...lines.flatMap((line, i) => (i ? [document.createElement("br"), line] : [line])));
        element.style.opacity = 1;
        const left = Math.min(Math.max(x + 14, 0), box.clientWidth - element.offsetWidth);
        element.style.left = (x + 14 > left ? Math.max(0, x - element.offsetWidth - 14) : left) + "px";
        element.style.top = Math.max(0, y - element.offsetHeight - 8) + "px";
      },
      hide() { element.style.opacity = 0; },
    };
  };
  const follow = (box, area, move) => {
    const hint = tip(box);
    const at = (event) => {
      const inner = area.getBoundingClientRect(), outer = box.getBoundingClientRect();
      const u = (event.clientX - inner.left) / inner.width, v = (event.clientY - inner.top) / inner.height;
      if (u < 0 || u > 1 || v < 0 || v > 1) return hint.hide(), move(null);
      const lines = move(u, v);
      if (lines) hint.show(lines, event.clientX - outer.left, event.clientY - outer.top);
    };
    box.addEventListener("pointermove", at);
    box.addEventListener("pointerdown", at);
    box.addEventListener("pointerleave", () => { hint.hide(); move(null); });
  };

  for (const box of document.querySelectorAll(".chart")) {
    const area = box.querySelector(".plot"), cursor = box.querySelector(".cursor");
    follow(box, area, (u) => {
      if (u === null) { cursor.style.opacity = 0; return null; }
      const t = data.times, i = Math.min(Math.floor(u * t.length), t.length - 1);
      const x = Number(area.getAttribute("x")) + ((i + 0.5) / t.length) * Number(area.getAttribute("width"));
      cursor.setAttribute("x1", x); cursor.setAttribute("x2", x); cursor.style.opacity = 0.55;
      const lines = [clock(t[i]) + " · frame " + data.frames[i], "update rate " + percent(data.mean[i])];
      if (data.peak[i] - data.mean[i] > 0.001) lines.push("highest " + percent(data.peak[i]));
      lines.push(data.found[i].toFixed(data.found[i] % 1 ? 1 : 0) + (data.found[i] === 1 ? " detection" : " detections"));
      lines.push("network " + data.network[i].toFixed(1) + " ms" + (data.slowest[i] - data.network[i] > 0.1 ? ", slowest frame " + data.slowest[i].toFixed(1) + " ms" : ""));
      if (data.refresh[i]) lines.push("computed in full: " + data.refresh[i]);
      if (data.looked[i]) lines.push("looked at finely all over");
      return lines;
    });
  }

  for (const box of document.querySelectorAll(".strip")) {
    const picture = box.querySelector("img"), rows = data.strip.names.length, columns = data.strip.columns;
    const cells = Uint8Array.from(atob(data.strip.cells), (c) => c.charCodeAt(0));
    follow(box, picture, (u, v) => {
      if (u === null) return null;
      const row = Math.min(Math.floor(v * rows), rows - 1), column = Math.min(Math.floor(u * columns), columns - 1);
      const rate = (cells[row * columns + column] / 255) ** 2;
      return [data.strip.names[row], clock(data.strip.times[column]) + " · " + percent(rate) + " recomputed"];
    });
  }

  for (const slider of document.querySelectorAll("input[type=range]")) {
    slider.addEventListener("input", () => slider.closest("figure").style.setProperty("--heat", slider.value / 100));
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
    heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
      const falling = head.getAttribute("aria-sort") === "descending" || (!head.hasAttribute("aria-sort") && head.classList.contains("text"));
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", falling ? "ascending" : "descending");
      const key = (row) => { const k = row.cells[column].dataset.key; return isNaN(k) ? k : Number(k); };
      const rows = [...body.rows].sort((a, b) => { const x = key(a), y = key(b); return (x > y) - (x < y); });
      body.replaceChildren(...(falling ? rows : rows.reverse()));
    }));
    if (body.rows.length > 20) {
      const box = table.parentElement, button = document.createElement("button");
      box.classList.add("folded");
      button.type = "button"; button.className = "more"; button.textContent = "Show all " + body.rows.length;
      button.addEventListener("click", () => {
        button.textContent = box.classList.toggle("folded") ? "Show all " + body.rows.length : "Show the first 15";
      });
      box.after(button);
    }
  }
})();
