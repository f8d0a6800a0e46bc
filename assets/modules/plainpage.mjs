// Pages that are drawn without Dash (the login, the API, what stands in place of a page that can't be
// had): the chosen theme, and in title and favicon what state everything is in, if one may look.

import { ageView, clockView, countsBar } from "./bar.mjs";
import { loadFavicons, showFavicon, showTitle } from "./favicon.mjs";
import { judge, ServerClock } from "./freshness.mjs";
import { everything } from "./problems.mjs";
import { session } from "./session.mjs";
import { Poller } from "./snapshot.mjs";
import { counts, faviconFor, title } from "./states.mjs";
import { takeTheme, themeSwitch } from "./theme.mjs";
import { startTicking } from "./ticker.mjs";
import { current as currentZone } from "./zone.mjs";

const LOOKERS = new Set(["viewer", "operator", "admin"]);

// "Log in" out of "Log in · Nocturne".
export function nameOf(text) {
  return text.replace(/ · Nocturne$/, "");
}

class PlainPage {
  constructor() {
    this.clock = new ServerClock();
    this.own = document.title;
    this.snapshot = null;
    this.mayLook = false;
    this.poller = new Poller({
      clock: this.clock,
      onAnswer: () => this.beat(),
      onSnapshot: (snapshot) => {
        this.snapshot = snapshot;
        this.beat();
      },
      onRefused: () => this.forget(),
    });
    this.views = { counts: countsBar(), age: ageView(), clock: clockView() };
  }

  start() {
    takeTheme();
    const parts = { "bar-counts": this.views.counts.node, "bar-age": this.views.age.node, "bar-clock": this.views.clock.node };
    for (const [id, node] of Object.entries(parts)) document.getElementById(id)?.replaceChildren(node);
    document.getElementById("bar-theme")?.replaceChildren(themeSwitch());
    startTicking(() => {
      this.beat();
      if (this.mayLook) this.poller.tick();
    });
    session.ask().then(() => {
      this.mayLook = LOOKERS.has(session.told?.role);
    });
    loadFavicons(new URL("../favicons/", import.meta.url)).then(() => this.beat());
  }

  // Who may not look any more is told nothing, and not what was known before either.
  forget() {
    this.mayLook = false;
    this.snapshot = null;
    showTitle(this.own);
    showFavicon("waiting");
  }

  beat() {
    const { clock } = this;
    const now = clock.now();
    this.views.clock.update(now, currentZone());
    if (!this.snapshot) return;
    const judgement = judge({ beatAge: clock.beatAge(), silence: clock.silence(), watched: clock.watched() });
    const frozen = judgement.level === "stale";
    document.documentElement.dataset.freshness = judgement.level;
    const tally = counts(everything(this.snapshot), now);
    this.views.age.update(judgement, clock.beat);
    this.views.counts.update({ tally, frozen });
    showTitle(title(tally, frozen, nameOf(this.own)));
    showFavicon(faviconFor(tally, frozen));
  }
}

if (typeof document !== "undefined") new PlainPage().start();
