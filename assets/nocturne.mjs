// The entry: wires polling, freshness and the views together. The only module with side effects;
// Dash loads it by tag with a cache query, so it guards against running twice.

import { Acknowledgements, startAcknowledging } from "./modules/acknowledge.mjs";
import { accountButton, accountView } from "./modules/account.mjs";
import { AuditPage } from "./modules/auditpage.mjs";
import { ageView, clockView, countsBar, pagingView } from "./modules/bar.mjs";
import { bannerList, slab } from "./modules/banners.mjs";
import { BusinessPage } from "./modules/business.mjs";
import { CheckDefinition } from "./modules/checkdefinition.mjs";
import { CheckFormPage } from "./modules/checkform.mjs";
import { ChecksPage } from "./modules/checkspage.mjs";
import { el, setAttr, setText, svg } from "./modules/dom.mjs";
import { EmptyPage } from "./modules/emptypage.mjs";
import { loadFavicons, showFavicon, showTitle } from "./modules/favicon.mjs";
import { clearFilter, filterBar } from "./modules/filterbar.mjs";
import { matches, parse } from "./modules/filters.mjs";
import { clock as clockText, zoneName } from "./modules/format.mjs";
import { judge, ServerClock } from "./modules/freshness.mjs";
import { groupList } from "./modules/groups.mjs";
import { IncidentPages } from "./modules/incidentpages.mjs";
import { showHelp, startKeyboard } from "./modules/keyboard.mjs";
import { isPlaced, keepPlaced, mount, PLACED } from "./modules/mounts.mjs";
import { everything, problemList } from "./modules/problems.mjs";
import { Palette } from "./modules/palette.mjs";
import { markCurrent, onSearch, startRouting } from "./modules/router.mjs";
import { scorePanel } from "./modules/score.mjs";
import { session } from "./modules/session.mjs";
import { SettingsPage } from "./modules/settingspage.mjs";
import { Poller } from "./modules/snapshot.mjs";
import { counts, faviconFor, title } from "./modules/states.mjs";
import { themeSwitch } from "./modules/theme.mjs";
import { ThresholdsPage } from "./modules/thresholds.mjs";
import { startTicking } from "./modules/ticker.mjs";
import { HATCH } from "./modules/tiles.mjs";
import { timeline } from "./modules/timeline.mjs";
import { reloadOnUpgrade } from "./modules/upgrade.mjs";
import { onWall, Wall } from "./modules/wall.mjs";
import { CHANGED as ZONE_CHANGED, current as currentZone } from "./modules/zone.mjs";

// The pattern by which SVG bars are hatched; CSS colours it.
function hatchPattern() {
  const pattern = svg(
    "pattern",
    { id: HATCH, width: 3, height: 3, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("rect", { class: "hatch-line", width: 1.4, height: 3 }),
  );
  return svg("svg", { class: "unseen", width: 0, height: 0, "aria-hidden": "true" }, svg("defs", {}, pattern));
}

class Screen {
  constructor() {
    this.clock = new ServerClock();
    this.snapshot = null;
    this.store = "ok";
    this.role = "viewer";
    this.broken = false;
    this.level = null;
    this.heading = el("span");
    this.headingMore = el("span", { class: "section-more" });
    const acknowledgements = new Acknowledgements({
      clock: this.clock,
      onChange: () => this.draw(),
      onDone: () => this.poller.ask({ hurry: true }),
    });
    this.views = {
      counts: countsBar(),
      age: ageView(),
      paging: pagingView(),
      clock: clockView(() => this.palette.openZones()),
      slab: slab(),
      banners: bannerList(),
      problems: problemList({ onClear: clearFilter, acknowledgements }),
      score: scorePanel(),
      filters: filterBar(),
      timeline: timeline(),
      groups: groupList(),
      account: accountView(),
      accountButton: accountButton(),
    };
    this.thresholds = new ThresholdsPage({ onChanged: () => this.poller.ask({ hurry: true }) });
    this.checks = new ChecksPage({ clock: this.clock, onDone: () => this.poller.ask({ hurry: true }) });
    this.incidents = new IncidentPages({ clock: this.clock, onDone: () => this.poller.ask({ hurry: true }) });
    this.business = new BusinessPage();
    this.checkForm = new CheckFormPage({ onDone: () => this.poller.ask({ hurry: true }) });
    this.definition = new CheckDefinition({ onDone: () => this.poller.ask({ hurry: true }) });
    this.audit = new AuditPage({ clock: this.clock });
    this.settings = new SettingsPage({ clock: this.clock });
    this.wall = new Wall();
    this.palette = new Palette({
      look: () => ({ snapshot: this.snapshot, now: this.clock.now(), frozen: this.level === "stale", operator: this.role === "operator" }),
      onDone: () => this.poller.ask({ hurry: true }),
      help: showHelp,
    });
    this.poller = new Poller({
      clock: this.clock,
      onAnswer: ({ store, role }) => {
        this.store = store;
        this.role = role;
        session.polled({ refused: false, role });
        this.beat();
      },
      onRefused: () => {
        this.role = "viewer";
        session.polled({ refused: true });
        this.beat();
      },
      onSnapshot: (snapshot) => {
        this.snapshot = snapshot;
        reloadOnUpgrade(snapshot.version);
        this.draw();
      },
    });
  }

  mountAll() {
    const heading = el("h2", { class: "section-heading" }, this.heading, " ", this.headingMore);
    this.announcer = el("span");
    mount("bar-counts", this.views.counts.node);
    mount("bar-age", this.views.age.node);
    mount("bar-paging", this.views.paging.node);
    mount("bar-palette", this.palette.button);
    mount("bar-theme", themeSwitch());
    mount("bar-clock", this.views.clock.node);
    mount("settings", this.settings.node);
    mount("audit", this.audit.node);
    mount("account", this.views.account.node);
    mount("bar-account", this.views.accountButton.node);
    mount("slab", this.views.slab.node);
    mount("banners", this.views.banners.node);
    mount("announcer", this.announcer);
    mount("wall", this.wall.node);
    mount("overview-heading", heading);
    mount("overview-filters", this.views.filters.node);
    mount("overview-problems", this.views.problems.node);
    mount("overview-score", this.views.score.node);
    mount("overview-timeline", this.views.timeline.node);
    mount("overview-groups", this.views.groups.node);
    for (const [id, node] of Object.entries({ ...this.checks.parts, ...this.incidents.parts, ...this.business.parts })) mount(id, node);
    const { tools, list, editor } = this.thresholds.nodes;
    mount("thresholds-tools", tools);
    mount("thresholds-list", list);
    mount("thresholds-editor", editor);
    mount("checkform", this.checkForm.node);
    for (const [id, node] of Object.entries(this.definition.parts)) mount(id, node);
    keepPlaced();
  }

  judgement() {
    return judge({
      beatAge: this.clock.beatAge(),
      silence: this.clock.silence(),
      watched: this.clock.watched(),
      broken: this.broken,
      refused: session.refused,
    });
  }

  // Twice a second, whatever else fails: how old is what stands here?
  beat() {
    const judgement = this.judgement();
    const frozen = judgement.level === "stale";
    const [now, zone] = [this.clock.now(), currentZone()];
    document.documentElement.dataset.freshness = judgement.level;
    this.views.age.update(judgement, this.clock.beat);
    this.views.clock.update(now, zone);
    this.views.slab.update(judgement, this.clock.beat, zone);
    this.wall.beat({ judgement, beat: this.clock.beat, now, zone });
    const tally = counts(this.snapshot ? everything(this.snapshot) : [], now);
    showTitle(title(tally, frozen));
    showFavicon(faviconFor(tally, frozen));
    if (judgement.level !== this.level) this.levelChanged(judgement);
  }

  levelChanged(judgement) {
    const before = this.level;
    this.level = judgement.level;
    if (judgement.level === "stale") {
      const beat = this.clock.beat;
      const zone = currentZone();
      const known = beat === null ? "never" : `${clockText(beat, zone)} ${zoneName(beat, zone)}`;
      const what = judgement.reason === "login" ? "You are logged out" : "Stale: nothing is being measured";
      setText(this.announcer, `${what}. Last known: ${known}.`);
    } else if (before === "stale") setText(this.announcer, "Data is fresh again.");
    this.draw();
    this.palette.freshen();
  }

  // Everything that depends on the data, compared with what stands there. A screen that cannot
  // draw must not go on looking fresh.
  draw() {
    if (!this.snapshot) return;
    try {
      this.drawAll();
      this.broken = false;
    } catch (error) {
      this.broken = true;
      console.error("Nocturne could not draw the latest data", error);
    }
  }

  drawAll() {
    const { snapshot } = this;
    const now = this.clock.now();
    const frozen = this.judgement().level === "stale";
    // While nothing is measured, durations stand still at the moment that is known.
    const displayNow = frozen && this.clock.beat !== null ? this.clock.beat : now;
    const at = { now: displayNow, displayNow, frozen, zone: currentZone(), operator: this.role === "operator" };
    if (onWall()) {
      this.wall.update({ snapshot, at, store: this.store, clock: () => this.clock.now() });
      document.documentElement.dataset.loaded = "true";
      return;
    }
    const tally = { ...counts(everything(snapshot), displayNow) };
    tally.maintenance = Math.max(tally.maintenance, snapshot.counts?.maintenance ?? 0);
    this.views.counts.update({ tally, frozen });
    this.views.paging.update(snapshot.paging, frozen);
    this.views.banners.update({ snapshot, store: this.store, now: displayNow, zone: at.zone });
    if (isPlaced(this.views.groups.node)) this.drawOverview(at);
    this.checks.update({ snapshot, at });
    this.checkForm.update({ snapshot, at });
    this.definition.update({ snapshot, at });
    this.incidents.update({ snapshot, at });
    this.thresholds.update({ snapshot, at });
    this.audit.update(snapshot.revision);
    this.settings.draw();
    this.business.update();
    setAttr(document.documentElement, "data-empty", snapshot.checks.length === 0 ? "" : null);
    document.documentElement.dataset.loaded = "true";
  }

  // Only while it is looked at: thousands of tiles are not drawn for nobody.
  drawOverview(at) {
    const { snapshot } = this;
    const { displayNow, frozen } = at;
    const filter = parse(location.search);
    const checks = snapshot.checks.filter((check) => matches(check, filter, displayNow));
    const problems = everything(snapshot).filter((each) => matches(each, filter, displayNow));
    const byName = new Map(snapshot.checks.map((check) => [check.name, check]));
    const { carded, headline } = this.views.problems.update({ snapshot, checks: problems, byName, at, now: displayNow });
    setText(this.heading, headline.main);
    setText(this.headingMore, headline.more);
    this.views.score.update({ snapshot, at });
    this.views.filters.update({ snapshot, checks, filter, at });
    this.views.timeline.update({ snapshot, checks, at });
    this.views.groups.update({ snapshot, checks, now: displayNow, frozen, carded });
  }

  drawAccount() {
    this.views.account.update();
    this.views.accountButton.update();
  }

  start() {
    document.body.append(hatchPattern());
    this.mountAll();
    session.onChange(() => {
      this.drawAccount();
      this.beat();
      this.draw();
    });
    session.ask();
    startRouting();
    this.palette.start();
    startKeyboard();
    document.addEventListener(ZONE_CHANGED, () => {
      this.beat();
      this.draw();
    });
    startAcknowledging();
    this.wall.start();
    this.checks.start();
    this.incidents.start();
    this.settings.start();
    // A page that was just laid out is drawn in the same frame.
    document.addEventListener(PLACED, () => this.draw());
    onSearch(() => {
      markCurrent();
      this.drawAccount();
      this.beat();
      this.draw();
    });
    const hurry = () => {
      if (document.visibilityState !== "visible") return;
      this.beat();
      this.poller.ask({ hurry: true });
    };
    document.addEventListener("visibilitychange", hurry);
    window.addEventListener("pageshow", hurry);
    window.addEventListener("online", hurry);
    window.addEventListener("resize", () => this.draw());
    const empty = new EmptyPage();
    let odd = false;
    startTicking(() => {
      this.beat();
      this.poller.tick();
      odd = !odd;
      if (odd) this.draw();
      markCurrent();
      empty.update();
    });
    this.beat();
    this.poller.ask();
    loadFavicons(new URL("./favicons/", import.meta.url)).then(() => this.beat());
  }
}

if (!globalThis.nocturne) {
  globalThis.nocturne = new Screen();
  globalThis.nocturne.start();
}
