"use strict";
const search = document.getElementById("search");
const boxes = [...document.querySelectorAll("input[name=level]")];
const findings = [...document.querySelectorAll("article[data-level]")];
function show() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const levels = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
  let shown = 0;
  for (const finding of findings) {
    const text = (finding.closest(".cause") || finding).querySelector(".statement");
    const all = (finding.textContent + " " + (text ? text.textContent : "")).toLowerCase();
    finding.hidden = !levels.has(finding.dataset.level) || !words.every((word) => all.includes(word));
    shown += finding.hidden ? 0 : 1;
  }
  for (const group of document.querySelectorAll(".cause, details.fold")) {
    const inside = [...group.querySelectorAll("article[data-level]")];
    group.hidden = inside.length > 0 && inside.every((finding) => finding.hidden);
    if (group.matches("details") && words.length && inside.length) group.open = !group.hidden;
  }
  const filtered = words.length > 0 || levels.size < boxes.length;
  document.getElementById("shown").textContent = filtered ? `${shown} of ${findings.length} findings shown` : "";
}
search.addEventListener("input", show);
for (const box of boxes) box.addEventListener("change", show);
search.form.addEventListener("submit", (event) => event.preventDefault());
for (const button of document.querySelectorAll("button.copy")) {
  button.addEventListener("click", async () => {
    const text = button.parentElement.querySelector("pre");
    try {
      await navigator.clipboard.writeText(text.textContent);
    } catch {
      // A page that was opened as a file may be kept from the clipboard.
      getSelection().selectAllChildren(text);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
  });
}
