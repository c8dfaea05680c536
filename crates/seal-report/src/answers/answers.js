"use strict";
(() => {
  const PAGE = 20;
  const field = (id) => document.getElementById(id);
  const known = new Map();
  // A block is parsed when it is first shown.
  const block = (id) => {
    if (!known.has(id)) {
      const found = field(id);
      known.set(id, found ? JSON.parse(found.textContent) : null);
    }
    return known.get(id);
  };
  const node = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const options = (select, labels, chosen) => {
    select.replaceChildren(...labels.map((label, i) => {
      const option = node("option", "", label);
      option.value = String(i);
      return option;
    }));
    select.value = String(Math.min(chosen, labels.length - 1));
  };
  const index = block("index");
  options(field("test"), index.tests, 0);
  options(field("left"), index.arms, 0);
  options(field("right"), index.arms, 1);
  options(field("seed"), index.seeds, 0);
  let page = 0;

  const prompts = () => block("prompts-" + field("test").value) || [];
  const answers = (arm) =>
    block(["answers", field("test").value, field(arm).value, field("seed").value].join("-")) || [];

  const categories = () => {
    const names = new Set(prompts().map((prompt) => prompt.category).filter((name) => name !== null));
    options(field("category"), ["all", ...[...names].sort()], 0);
  };

  const chosen = () => {
    const [left, right] = [answers("left"), answers("right")];
    const category = field("category").selectedIndex > 0 ? field("category").selectedOptions[0].text : null;
    const which = field("which").value;
    const words = field("words").value.trim().toLowerCase();
    const has = (text) => typeof text === "string" && text.toLowerCase().includes(words);
    const rows = [];
    prompts().forEach((prompt, i) => {
      const [a, b] = [left[i] ?? null, right[i] ?? null];
      if (category !== null && prompt.category !== category) return;
      if (which === "differ" && a === b) return;
      if (which === "missing" && (a === null) === (b === null)) return;
      if (words && !has(prompt.prompt) && !has(a) && !has(b)) return;
      rows.push({ prompt, number: i + 1, a, b });
    });
    return rows;
  };

  const answer = (arm, text) => {
    const box = node("div");
    box.append(node("h3", "", index.arms[Number(field(arm).value)]));
    if (text === null) box.append(node("p", "none", "no answer"));
    else if (text.trim() === "") box.append(node("p", "none", "empty answer"));
    else box.append(node("p", "text", text));
    return box;
  };

  const article = ({ prompt, number, a, b }) => {
    const made = node("article");
    const parts = ["Prompt " + number, prompt.category, prompt.unsafe === true ? "asks for harm" : null];
    made.append(node("h2", "", parts.filter((part) => part !== null).join(", ")));
    const pair = node("div", "pair");
    pair.append(answer("left", a), answer("right", b));
    const shown = [node("p", "text prompt", prompt.prompt), pair];
    if (prompt.unsafe === false) made.append(...shown);
    else {
      const fold = node("details");
      fold.open = field("unfold").checked;
      fold.append(node("summary", "", "Prompt and answers, which may be harmful"), ...shown);
      made.append(fold);
    }
    return made;
  };

  const draw = () => {
    const rows = chosen();
    const pages = Math.max(1, Math.ceil(rows.length / PAGE));
    page = Math.min(page, pages - 1);
    field("rows").replaceChildren(...rows.slice(page * PAGE, (page + 1) * PAGE).map(article));
    field("status").textContent =
      rows.length + " of " + prompts().length + " prompts, page " + (page + 1) + " of " + pages;
    field("back").disabled = page === 0;
    field("on").disabled = page === pages - 1;
  };
  const turn = (by) => {
    page += by;
    draw();
    field("status").scrollIntoView();
  };

  field("controls").addEventListener("submit", (event) => event.preventDefault());
  field("controls").addEventListener("input", (event) => {
    if (event.target.id === "test") categories();
    page = 0;
    draw();
  });
  field("back").addEventListener("click", () => turn(-1));
  field("on").addEventListener("click", () => turn(1));
  categories();
  draw();
})();
