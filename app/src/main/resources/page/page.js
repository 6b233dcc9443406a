// The page of m3agiqa serve: it sends images to this service, and tells what comes back as it comes.

const ASPECTS = ["quality", "correspondence", "authenticity"];
const HISTORY = "m3agiqa-history";
const LONGEST_HISTORY = 200;

const $ = (id) => document.getElementById(id);
const state = { files: [], running: false, history: readHistory() };

/** An element with attributes and children; strings among them are text, whatever they hold. */
function element(name, attributes = {}, ...children) {
  const svg = ["svg", "rect", "line"].includes(name);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

// what is chosen

function choose(files) {
  const images = [...files].filter((file) => file.type.startsWith("image/") || file.type === "");
  if (images.length === 0) {
    say("That is no image.");
    return;
  }
  state.files.push(...images);
  show();
  const others = [...files].filter((file) => !images.includes(file));
  if (others.length > 0) {
    say(`${$("status").textContent} No image, and left out: ${others.map((file) => file.name).join(", ")}.`);
  }
}

function show() {
  $("results").replaceChildren(...state.files.map((file) => card(file).root));
  $("score").disabled = state.files.length === 0 || state.running;
  $("clear").disabled = state.files.length === 0 || state.running;
  say(state.files.length === 0 ? "" : `${state.files.length} ${state.files.length === 1 ? "image" : "images"} to score.`);
}

function say(text) {
  $("status").textContent = text;
}

// a card an image

const cards = new WeakMap();

function card(file) {
  if (cards.has(file)) {
    return cards.get(file);
  }
  const picture = element("img", { alt: "" });
  picture.onload = () => URL.revokeObjectURL(picture.src);
  picture.src = URL.createObjectURL(file);
  const best = element("span", { class: "best" });
  const body = element("div", { class: "body" },
    element("div", { class: "name" }, element("h3", {}, file.name || "pasted image"), best));
  const made = { root: element("article", { class: "card" }, picture, body), body, best, aspects: new Map(), result: null };
  cards.set(file, made);
  return made;
}

function aspectOf(shown, aspect) {
  if (!shown.aspects.has(aspect)) {
    const number = element("span", { class: "number" }, "…");
    const word = element("span", { class: "soft" });
    const gauge = element("div");
    const said = element("p", { class: "said" });
    const questions = element("details", { hidden: "" }, element("summary", {}, "what the model was asked"));
    const root = element("div", { class: "aspect" },
      element("div", { class: "figure" }, element("strong", {}, aspect), element("span", {}, number, " ", word)),
      gauge, said, questions);
    shown.body.append(root);
    shown.aspects.set(aspect, { number, word, gauge, said, questions });
  }
  return shown.aspects.get(aspect);
}

function gauge(aspect, result) {
  const [low, high] = result.scale;
  const at = (value) => (100 * (value - low)) / (high - low);
  const label = `${aspect}: ${result.score.toFixed(2)} of ${high}, ${result.rating}`;
  const drawing = element("svg", { class: "gauge", viewBox: "0 0 100 14", preserveAspectRatio: "none", role: "img", "aria-label": label },
    element("rect", { class: "track", x: 0, y: 3, width: 100, height: 8, rx: 2 }),
    element("rect", { class: "value", x: 0, y: 3, width: Math.max(0.5, at(result.score)), height: 8, rx: 2 }));
  if (result.interval) {
    const [from, to] = result.interval.map(at);
    for (const [x1, x2, y1, y2] of [[from, to, 7, 7], [from, from, 2, 12], [to, to, 2, 12]]) {
      drawing.append(element("line", { class: "interval", x1, x2, y1, y2, "vector-effect": "non-scaling-stroke" }));
    }
  }
  return drawing;
}

function showAspect(shown, aspect, result) {
  const parts = aspectOf(shown, aspect);
  parts.said.classList.remove("typing");
  if (result.score === null) {
    parts.number.textContent = "–";
    parts.said.className = "error";
    parts.said.textContent = result.error.message;
    return;
  }
  parts.number.textContent = result.score.toFixed(2);
  const range = result.interval ? `, 90\u00a0%:\u00a0${result.interval.map((end) => end.toFixed(1)).join("\u00a0to\u00a0")}` : "";
  parts.word.textContent = result.rating + range;
  parts.gauge.replaceChildren(gauge(aspect, result));
  if (result.description !== undefined) {
    parts.said.textContent = result.description;
  }
}

function fail(shown, problem) {
  for (const { number, said } of shown.aspects.values()) {
    said.classList.remove("typing");
    number.textContent = number.textContent.replace("…", "–");
  }
  shown.body.append(element("p", { class: "error", role: "alert" }, `${problem.detail} (${problem.code})`));
}

// the service

function headers() {
  const key = $("key").value;
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** Reads server-sent events of a response. */
async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    text += value;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const lines = text.slice(0, end).split("\n");
      text = text.slice(end + 2);
      const field = (name) => lines.filter((line) => line.startsWith(name + ":")).map((line) => line.slice(name.length + 1).replace(/^ /, ""));
      if (field("data").length > 0) {
        yield { name: field("event")[0], data: JSON.parse(field("data").join("\n")) };
      }
    }
  }
}

async function score(file) {
  const shown = card(file);
  try {
    await ask(file, shown);
  } catch {
    const there = await file.arrayBuffer().then(() => true, () => false);
    fail(shown, there
      ? { code: "UNREACHABLE", detail: "the service does not answer" }
      : { code: "IMAGE_UNREADABLE", detail: "the file cannot be read; if it has changed, choose it again" });
  }
}

async function ask(file, shown) {
  const form = new FormData();
  form.append("image", file, file.name || "pasted image");
  form.append("prompt", $("prompt").value);
  form.append("describe", String($("describe").checked));
  const response = await fetch("/v1/score/stream", { method: "POST", body: form, headers: headers() });
  if (!response.ok) {
    const problem = await response.json().catch(() => ({ code: "INTERNAL", detail: `HTTP ${response.status}` }));
    if (response.status === 401) {
      $("key").hidden = false;
      $("key-label").hidden = false;
      $("key").focus();
    }
    fail(shown, problem);
    return;
  }
  let last = "";
  for await (const { name, data } of eventsOf(response)) {
    last = name;
    if (name === "stage") {
      const parts = aspectOf(shown, data.aspect);
      parts.questions.hidden = false;
      parts.questions.append(element("p", {}, data.question));
      parts.said.classList.toggle("typing", data.stage === "describe");
    } else if (name === "token") {
      aspectOf(shown, data.aspect).said.append(data.text);
    } else if (name === "aspect") {
      showAspect(shown, data.aspect, data);
    } else if (name === "result") {
      for (const [aspect, result] of Object.entries(data.aspects)) {
        showAspect(shown, aspect, result);
      }
      shown.result = data;
      remember(data);
    } else if (name === "error") {
      fail(shown, data);
    }
  }
  if (last !== "result" && last !== "error") {
    fail(shown, { code: "UNREACHABLE", detail: "the answer broke off" });
  }
}

async function scoreAll() {
  const focused = document.activeElement;
  state.running = true;
  show();
  const files = [...state.files];
  for (const file of files) {
    cards.delete(file);
  }
  show();
  for (const [i, file] of files.entries()) {
    say(`Scoring ${i + 1} of ${files.length}.`);
    await score(file);
  }
  compare(files);
  state.running = false;
  const scored = files.filter((file) => card(file).result).length;
  $("score").disabled = false;
  $("clear").disabled = false;
  if (document.activeElement === document.body) {
    // a button that is disabled loses the focus, and who uses the keyboard their place
    focused.focus({ preventScroll: true });
  }
  say(scored === files.length ? "Done." : `Done; ${files.length - scored} could not be scored.`);
}

/** Marks the best of several images in each aspect. */
function compare(files) {
  if (files.length < 2) {
    return;
  }
  const wins = new Map();
  for (const aspect of ASPECTS) {
    const scored = files.filter((file) => typeof card(file).result?.aspects[aspect]?.score === "number");
    if (scored.length > 1) {
      const best = scored.reduce((a, b) => (card(a).result.aspects[aspect].score >= card(b).result.aspects[aspect].score ? a : b));
      wins.set(best, [...(wins.get(best) ?? []), aspect]);
    }
  }
  for (const [file, aspects] of wins) {
    card(file).best.textContent = `best ${aspects.join(", ")}`;
  }
}

// history, in this browser only

function readHistory() {
  try {
    const kept = JSON.parse(localStorage.getItem(HISTORY) ?? "[]");
    return Array.isArray(kept) ? kept : [];
  } catch {
    return [];
  }
}

function remember(result) {
  state.history = [{ at: new Date().toISOString(), ...result }, ...state.history].slice(0, LONGEST_HISTORY);
  keep();
}

function keep() {
  try {
    localStorage.setItem(HISTORY, JSON.stringify(state.history));
  } catch {
    // a browser that keeps nothing still shows what is here
  }
  showHistory();
}

/** A text of which two lines are shown, and all to who points at it. */
function clipped(text) {
  return element("div", { class: "clipped", title: text }, text);
}

function showHistory() {
  const empty = state.history.length === 0;
  for (const id of ["csv", "json", "forget"]) {
    $(id).disabled = empty;
  }
  const head = element("tr", {}, ...["when", "image", "prompt"].map((name) => element("th", { scope: "col" }, name)),
    ...ASPECTS.map((aspect) => element("th", { scope: "col", class: "number-cell" }, aspect)));
  const rows = state.history.map((entry) => element("tr", {},
    element("td", {}, new Date(entry.at).toLocaleString()),
    element("td", {}, clipped(entry.image)),
    element("td", {}, clipped(entry.prompt ?? "")),
    ...ASPECTS.map((aspect) => {
      const value = entry.aspects?.[aspect]?.score;
      return element("td", { class: "number-cell" }, typeof value === "number" ? value.toFixed(2) : "–");
    })));
  $("history").replaceChildren(...(empty ? [] : [element("thead", {}, head), element("tbody", {}, ...rows)]));
}

function csv() {
  // a cell that a spreadsheet would compute is made text
  const cell = (value) => `"${String(value ?? "").replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
  const lines = [["image_path", "prompt", "aspect", "description", "score", "rating", "interval_low", "interval_high", "error"]];
  for (const entry of state.history) {
    for (const [aspect, result] of Object.entries(entry.aspects)) {
      lines.push([entry.image, entry.prompt, aspect, result.description, result.score, result.rating,
        result.interval?.[0], result.interval?.[1], result.error?.code]);
    }
  }
  return lines.map((line) => line.map((value) => (typeof value === "number" ? value : cell(value))).join(",")).join("\r\n") + "\r\n";
}

function download(name, type, text) {
  const link = element("a", { download: name });
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// what people do

$("files").addEventListener("change", (event) => {
  choose(event.target.files);
  event.target.value = "";
});
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    if (!event.dataTransfer.types.includes("Files")) {
      return; // a text, for the prompt
    }
    event.preventDefault();
    $("drop").classList.toggle("over", name === "dragover");
    if (name === "drop") {
      choose(event.dataTransfer.files);
    }
  });
}
document.addEventListener("paste", (event) => {
  if (event.clipboardData?.files.length > 0) {
    event.preventDefault();
    choose(event.clipboardData.files);
  }
});
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!state.running && state.files.length > 0) {
    scoreAll();
  }
});
$("prompt").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    $("form").requestSubmit();
  }
});
$("clear").addEventListener("click", () => {
  state.files = [];
  show();
});
$("csv").addEventListener("click", () => download("m3agiqa.csv", "text/csv", csv()));
$("json").addEventListener("click", () => download("m3agiqa.json", "application/json", JSON.stringify(state.history, null, 2)));
$("forget").addEventListener("click", () => {
  state.history = [];
  keep();
});

$("key").addEventListener("change", introduce);

/** Says which model answers, or that it wants a key first. */
async function introduce() {
  try {
    const response = await fetch("/v1/models", { headers: headers() });
    if (response.ok) {
      const [model] = (await response.json()).models;
      $("model").textContent = `${model.id} scores ${model.aspects.join(", ")}, from 0 to 5, as people would.`;
    } else {
      $("model").textContent = "The service asks for an API key.";
      $("key").hidden = false;
      $("key-label").hidden = false;
    }
  } catch {
    say("The service does not answer.");
  }
}

showHistory();
introduce();
