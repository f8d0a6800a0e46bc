// A page that does not come: the frame stands, the server does not answer for what is to be in it. Said
// in its place, until it is there.

import { el } from "./dom.mjs";

const PATIENCE_MS = 10_000;

export class EmptyPage {
  constructor({ now = () => performance.now() } = {}) {
    this.now = now;
    this.since = null;
    this.node = null;
  }

  // How long there has been nothing; null while there is something.
  waited(content) {
    if (!content || content.childElementCount > 0) this.since = null;
    else this.since ??= this.now();
    return this.since === null ? null : this.now() - this.since;
  }

  // Twice a second.
  update() {
    const content = document.getElementById("_pages_content");
    const waited = this.waited(content);
    if (waited === null && this.node) {
      this.node.remove();
      this.node = null;
    } else if (waited > PATIENCE_MS && !this.node) {
      this.node = this.build();
      document.getElementById("page").append(this.node);
    }
  }

  build() {
    const again = el("button", { type: "button", class: "button" }, "Try again");
    again.addEventListener("click", () => location.reload());
    return el(
      "div",
      { class: "nothing-page", role: "status" },
      el("h1", { class: "nothing-title" }, "This page does not come"),
      el("p", {}, "The server has not answered for it, or failed; its log tells more. The monitor is another process: it goes on watching and paging."),
      el("p", { class: "nothing-ways" }, again, el("a", { class: "button", href: "/" }, "To the overview")),
    );
  }
}
