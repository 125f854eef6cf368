"use strict";
// What drawing a case needs: elements, and where a moment lies.

const SVG = "http://www.w3.org/2000/svg";
const ROW = 18, TOP = 34, SLOWER = 0.4, SILENCE = 0.1;
const [ID, AT, LANE, KIND, WHO, WHAT, FACTS, SHAPE, PROOF, GIST] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

function made(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function drawn(parent, tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

const seconds = (value) => value.toFixed(value < 10 ? 3 : 2);

// Places moments along `width` pixels. A gap's width grows slower than its length: what happens within a
// millisecond is to be seen beside a wait of seconds. The axis says what time it is, and how long a silence was.
class Scale {
  constructor(data, width) {
    const moments = [0, data.end, ...data.events.map((one) => one[AT])];
    for (const bar of data.bars) moments.push(bar[1], bar[2] ?? data.end);
    this.times = [...new Set(moments)].sort((a, b) => a - b);
    const gaps = this.times.slice(1).map((time, place) => time - this.times[place]);
    const unit = width / Math.max(1e-9, gaps.reduce((sum, gap) => sum + gap ** SLOWER, 0));
    this.places = [0];
    this.silences = [];
    gaps.forEach((gap, place) => {
      const from = this.places[place], wide = gap ** SLOWER * unit;
      if (wide > 44 && gap > SILENCE) this.silences.push([from + wide / 2, gap]);
      this.places.push(from + wide);
    });
    this.width = this.places[this.places.length - 1];
  }
  x(time) {
    let low = 0, high = this.times.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.times[middle] <= time) low = middle; else high = middle - 1;
    }
    if (low === this.times.length - 1) return this.places[low];
    const part = (time - this.times[low]) / (this.times[low + 1] - this.times[low]);
    return this.places[low] + part * (this.places[low + 1] - this.places[low]);
  }
}
