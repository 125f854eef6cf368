// The page around the timelines: it builds one when its failure is opened, and filters, links and copies.
(() => {
  const built = new Map();
  const parsed = (id) => JSON.parse(document.getElementById(id)?.textContent || "null");

  function build(failure) {
    const number = failure.dataset.number;
    const mount = failure.querySelector(".timeline");
    if (built.has(number) || !mount) return built.get(number);
    const timeline = new Timeline(mount, parsed(`data-${number}`));
    built.set(number, timeline);
    return timeline;
  }

  function opened(failure) {
    for (let parent = failure.parentElement; parent; parent = parent.parentElement) if (parent.tagName === "DETAILS") parent.open = true;
    failure.hidden = false;
    failure.closest(".group").hidden = false;
    failure.open = true;
    return build(failure);
  }

  // "#case-3" opens a failure, "#case-3/s-12" also marks that event of it.
  function follow() {
    const [, name, event] = /^#(case-\d+)(?:\/(.+))?$/.exec(location.hash) || [];
    const failure = name && document.getElementById(name);
    if (!failure) return;
    const timeline = opened(failure);
    if (event && timeline) reveal(timeline, decodeURIComponent(event));
    else failure.scrollIntoView({ block: "start" });
  }

  function reveal(timeline, id) {
    if (timeline.show(id)) timeline.chart.scrollIntoView({ block: "nearest" });
  }

  async function copy(button) {
    const text = button.previousElementSibling.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      // No clipboard from here (an old browser, a frame): select it, so that a key copies it.
      getSelection().selectAllChildren(button.previousElementSibling);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  }

  const points = parsed("points") || [];
  const panel = document.getElementById("point");

  function tell(cell) {
    const parts = [];
    for (const place of cell.dataset.points.trim().split(" ")) {
      const [name, told, survived, word, mark, tone, command, number] = points[Number(place)];
      const line = made("p", {}, made("span", { class: `badge ${tone}` }, `${mark} ${word}`), " ", made("span", { class: "name" }, name));
      if (number >= 0) line.append(" ", made("a", { href: `#case-${number}` }, "its timeline"));
      parts.push(line, made("p", {}, `The client was told: ${told ?? "?"}. Survived: ${survived ?? "?"}.`));
      if (command) parts.push(made("p", { class: "command" }, made("code", {}, command), made("button", { type: "button", class: "copy" }, "Copy")));
    }
    const close = made("button", { type: "button", class: "close" }, "Close");
    close.addEventListener("click", () => { panel.hidden = true; cell.focus(); });
    panel.replaceChildren(...parts, close);
    panel.hidden = false;
  }

  function filter(words) {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (text) => wanted.every((word) => text.includes(word));
    let shown = 0;
    for (const group of document.querySelectorAll(".group")) {
      const title = group.querySelector("h4").textContent;
      let any = false;
      for (const failure of group.querySelectorAll(".failure")) {
        failure.words ??= `${title} ${failure.textContent}`.toLowerCase();
        failure.hidden = !fits(failure.words);
        any ||= !failure.hidden;
        shown += failure.hidden ? 0 : 1;
      }
      group.hidden = !any;
    }
    for (const body of document.querySelectorAll(".matrix tbody")) {
      body.words ??= body.textContent.toLowerCase();
      body.hidden = !fits(body.words);
    }
    if (wanted.length) for (const kind of document.querySelectorAll("#failures > .kind")) kind.open = Boolean(kind.querySelector(".group:not([hidden])"));
    document.getElementById("filtered").textContent = wanted.length ? `${shown} ${shown === 1 ? "failure matches" : "failures match"}` : "";
  }

  document.addEventListener("toggle", (event) => { if (event.target.matches?.(".failure") && event.target.open) build(event.target); }, true);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    const link = event.target.closest("a");
    // The same address again is no change of it, and would lead nowhere.
    if (link && link.hash === location.hash) follow();
    if (!button) return;
    if (button.matches(".copy")) copy(button);
    else if (button.matches(".cell")) tell(button);
    else if (button.matches(".event")) {
      const failure = button.closest(".failure");
      history.replaceState(null, "", `#${failure.id}/${encodeURIComponent(button.dataset.event)}`);
      const timeline = build(failure);
      if (timeline) reveal(timeline, button.dataset.event);
    }
  });
  document.getElementById("filter").addEventListener("input", (event) => filter(event.target.value));
  addEventListener("hashchange", follow);
  addEventListener("beforeprint", () => { for (const failure of [...document.querySelectorAll("#failures > .kind[open] .failure")].slice(0, 20)) failure.open = true; });
  follow();
})();
