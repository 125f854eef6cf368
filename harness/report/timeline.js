// Draws one case: lanes over time, the facts of what is pointed at, and the table of its events.
// The data's shape is that of harness/report/timeline.py. Strings of a target are only ever set as text.

class Timeline {
  constructor(mount, data) {
    this.data = data;
    this.zoom = 1;
    this.picked = -1;
    this.byId = new Map(data.events.map((one, place) => [one[ID], place]));
    this.chart = made("div", { class: "chart", tabindex: "0", role: "group", "aria-label": "Timeline; arrow keys go from event to event" });
    this.facts = made("div", { class: "facts", role: "status", tabindex: "0" }, "Point at an event, or choose one, to see all that is recorded of it.");
    this.rows = made("div", { class: "rows", tabindex: "0", role: "region", "aria-label": "Events; arrow keys go from event to event" });
    mount.replaceChildren(this.tools(), this.chart, this.facts, this.rows);
    this.draw();
    this.table();
    this.listen();
  }

  tools() {
    const bar = made("div", { class: "tools" });
    const zooms = [["−", "Zoom out", 1 / 1.7], ["+", "Zoom in", 1.7], ["fit", "Fit the width", 0]];
    for (const [sign, label, factor] of zooms) {
      const button = made("button", { type: "button", "aria-label": label }, sign);
      button.addEventListener("click", () => this.scaled(factor));
      bar.append(button);
    }
    const keys = [["ok", "call: ok"], ["refused", "refused"], ["unknown", "unknown, or never ended"], ["cmd", "store command"], ["struck", "struck by the proxy"]];
    for (const [tone, label] of keys) bar.append(made("span", { class: `key ${tone}` }, label));
    bar.append(made("span", {}, "▲ proof   ✕ an end   ▒ fault   ┊ a silence: long waits are drawn short"));
    return bar;
  }

  scaled(factor) {
    const middle = (this.chart.scrollLeft + this.chart.clientWidth / 2) / this.chart.scrollWidth;
    this.zoom = factor ? Math.min(60, Math.max(1, this.zoom * factor)) : 1;
    this.draw();
    this.chart.scrollLeft = middle * this.chart.scrollWidth - this.chart.clientWidth / 2;
  }

  // Puts each bar and each lonely event into the first row of its lane that is free there.
  laid() {
    const { data, scale } = this;
    const things = [];
    const owner = new Map();
    for (const bar of data.bars) {
      const x = scale.x(bar[1]);
      const thing = { lane: bar[0], x, end: Math.max(x + 4, scale.x(bar[2] ?? data.end)), bar };
      thing.index = bar[5].map((id) => this.byId.get(id)).find((place) => place !== undefined) ?? -1;
      for (const id of bar[5]) owner.set(id, thing);
      things.push(thing);
    }
    data.events.forEach((one, index) => {
      if (owner.has(one[ID])) return;
      const x = scale.x(one[AT]);
      things.push({ lane: one[LANE], x: x - 5, end: x + 5, index });
    });
    things.sort((a, b) => a.x - b.x);
    const free = data.lanes.map(() => []);
    for (const thing of things) {
      const rows = free[thing.lane];
      let row = rows.findIndex((until) => until <= thing.x);
      if (row < 0) row = rows.length < 10 ? rows.length : 9;
      rows[row] = Math.max(rows[row] ?? 0, thing.end + (thing.end - thing.x > 8 && thing.bar ? 0 : 2));
      thing.row = row;
    }
    let y = TOP;
    this.tops = free.map((rows) => { const top = y; y += Math.max(1, rows.length) * ROW + 8; return top; });
    this.height = y + 14;
    return { things, owner };
  }

  draw() {
    const names = made("div", { class: "lanes" });
    this.chart.replaceChildren(names);
    const width = Math.max(420, this.chart.clientWidth - names.offsetWidth - 66) * this.zoom;
    this.scale = new Scale(this.data, width);
    const { things, owner } = this.laid();
    const svg = document.createElementNS(SVG, "svg");
    this.svg = svg;
    this.full = this.scale.width + 64;
    svg.setAttribute("width", this.full);
    svg.setAttribute("height", this.height);
    names.style.height = `${this.height}px`;
    this.data.lanes.forEach((lane, place) => {
      const label = made("div", { title: lane.title }, lane.name);
      label.style.top = `${this.tops[place]}px`;
      names.append(label);
      const next = this.tops[place + 1] ?? this.height - 10;
      if (place % 2 === 0) drawn(svg, "rect", { class: "stripe", x: 0, y: this.tops[place] - 4, width: this.full, height: next - this.tops[place] });
    });
    this.ground(svg);
    for (const thing of things) if (thing.bar) this.bar(svg, thing);
    this.where = this.data.events.map((one) => {
      const thing = owner.get(one[ID]);
      return { x: 12 + this.scale.x(one[AT]), y: this.tops[thing ? thing.lane : one[LANE]] + ROW / 2 };
    });
    for (const thing of things) {
      const ids = thing.bar ? thing.bar[5] : [this.data.events[thing.index][ID]];
      for (const id of ids) if (this.byId.has(id)) this.where[this.byId.get(id)].y += thing.row * ROW;
    }
    this.data.events.forEach((one, index) => this.event(svg, one, index));
    this.chart.append(svg);
    if (this.picked >= 0) this.ring();
  }

  ground(svg) {
    const { scale, data, height } = this;
    for (const [name, start, end] of data.windows) {
      const x = 12 + scale.x(start), until = 12 + scale.x(end ?? data.end);
      drawn(svg, "rect", { class: "window", x, y: 16, width: Math.max(3, until - x), height: height - 16 });
      for (const edge of [x, Math.max(x + 3, until)]) drawn(svg, "line", { class: "edge", x1: edge, x2: edge, y1: 16, y2: height });
      drawn(svg, "text", { class: "fault", x: x + 3, y: 27 }, name.slice(0, 40));
    }
    let last = -90;
    scale.times.forEach((time, place) => {
      const x = scale.places[place];
      if (x < last + 90) return;
      last = x;
      drawn(svg, "line", { class: "grid", x1: x + 12, x2: x + 12, y1: 14, y2: height });
      drawn(svg, "text", { x: x + 12, y: 11 }, `${seconds(time)} s`);
    });
    for (const [x, gap] of scale.silences) {
      drawn(svg, "line", { class: "gap", x1: x + 12, x2: x + 12, y1: 14, y2: height - 13 });
      drawn(svg, "text", { class: "silence", x: x + 12, y: height - 3 }, `… ${gap < 10 ? gap.toPrecision(2) : Math.round(gap)} s …`);
    }
  }

  bar(svg, { lane, x, end, row, bar, index }) {
    const tone = bar[3] === "command" ? "cmd" : bar[3];
    const y = this.tops[lane] + row * ROW + 2;
    const shape = drawn(svg, "rect", { class: tone, x: x + 12, y, width: end - x, height: ROW - 4, rx: 2, "data-i": index });
    drawn(shape, "title", {}, bar[4]);
    const room = Math.floor((end - x - 9) / 6.2);
    if (room < 4 || !["boot", "alive", "paused", "worker"].includes(bar[3])) return;
    drawn(svg, "text", { class: "said", x: x + 19, y: y + 11 }, bar[4].length > room ? `${bar[4].slice(0, room - 1)}…` : bar[4]);
  }

  event(svg, one, index) {
    const { x, y } = this.where[index];
    if (one[SHAPE] === "cross") drawn(svg, "path", { class: "cross", d: `M${x - 5},${y - 5}l10,10m0,-10l-10,10`, "data-i": index });
    else if (one[SHAPE] === "dot") drawn(svg, "circle", { class: "dot", cx: x, cy: y, r: 4, "data-i": index });
    if (!one[PROOF]) return;
    drawn(svg, "circle", { class: "proof", cx: x, cy: y, r: 8 });
    drawn(svg, "path", { class: "flag", d: `M${x},${y + 8}l-5,8h10z` });
  }

  table() {
    const head = made("tr", { role: "row" });
    for (const name of ["seconds", "id", "kind", "who", "what", "facts"]) head.append(made("th", { scope: "col", role: "columnheader" }, name));
    const body = made("tbody", { role: "rowgroup" });
    this.lines = this.data.events.map((one, index) => {
      const row = made("tr", { role: "row", "data-i": index });
      if (one[PROOF]) row.className = "is-proof";
      const id = one[PROOF] ? `${one[ID]} ▲` : one[ID];
      for (const text of [one[AT].toFixed(4), id, one[KIND], one[WHO].slice(0, 14), one[WHAT], one[GIST]]) row.append(made("td", { role: "cell" }, text));
      body.append(row);
      return row;
    });
    this.rows.append(made("table", { role: "table" }, made("thead", { role: "rowgroup" }, head), body));
  }

  listen() {
    const index = (event) => Number(event.target.closest?.("[data-i]")?.dataset.i ?? -1);
    this.chart.addEventListener("pointerover", (event) => { if (event.pointerType === "mouse" && index(event) >= 0) this.tell(index(event)); });
    this.chart.addEventListener("pointerleave", () => { if (this.picked >= 0) this.tell(this.picked); });
    this.chart.addEventListener("click", (event) => {
      const found = index(event) >= 0 ? index(event) : this.nearest(event);
      if (found >= 0) this.pick(found);
    });
    this.rows.addEventListener("click", (event) => { if (index(event) >= 0) this.pick(index(event)); });
    for (const part of [this.chart, this.rows]) part.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      this.pick(Math.min(this.data.events.length - 1, Math.max(0, this.picked + step)));
    });
  }

  nearest(event) {
    if (event.target.closest("svg") !== this.svg) return -1;
    const box = this.svg.getBoundingClientRect();
    const x = event.clientX - box.left, y = event.clientY - box.top;
    let best = -1, far = 18 * 18;
    this.where.forEach((place, index) => {
      const away = (place.x - x) ** 2 + (place.y - y) ** 2;
      if (away < far) [best, far] = [index, away];
    });
    return best;
  }

  tell(index) {
    const one = this.data.events[index];
    let facts = one[FACTS];
    try { facts = JSON.stringify(JSON.parse(facts), null, 1); } catch { /* it was cut: as it is */ }
    this.facts.textContent = `${one[ID]}   ${seconds(one[AT])} s   ${one[KIND]}   ${one[WHO]}   ${one[WHAT]}\n${facts}`;
  }

  // Marks an event in the chart and in the table, and brings it into view in both.
  pick(index) {
    if (!(index in this.data.events)) return false;
    this.lines[this.picked]?.removeAttribute("aria-current");
    this.picked = index;
    this.tell(index);
    const line = this.lines[index];
    line.setAttribute("aria-current", "true");
    this.rows.scrollTop = line.offsetTop - this.rows.clientHeight / 2;
    this.ring();
    const { x, y } = this.where[index];
    const names = this.chart.firstChild.offsetWidth;
    if (x < this.chart.scrollLeft + 20 || x > this.chart.scrollLeft + this.chart.clientWidth - names - 20) this.chart.scrollLeft = x - (this.chart.clientWidth - names) / 2;
    if (y < this.chart.scrollTop + 20 || y > this.chart.scrollTop + this.chart.clientHeight - 30) this.chart.scrollTop = y - this.chart.clientHeight / 2;
    return true;
  }

  ring() {
    this.mark?.remove();
    const { x, y } = this.where[this.picked];
    this.mark = drawn(this.svg, "circle", { class: "picked", cx: x, cy: y, r: 11 });
  }

  show(id) {
    return this.pick(this.byId.get(id) ?? -1);
  }
}
