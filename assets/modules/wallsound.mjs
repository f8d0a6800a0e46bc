// The sound of a new critical: two tones of Web Audio. Browsers allow it after a click or a key.

const KEY = "nocturne.wall.sound";
const TONES = [[880, 0], [660, 0.24], [880, 0.6], [660, 0.84]];
const LENGTH_S = 0.2;
const LOUDNESS = 0.25;
const PAUSE_MS = 5000;

// Storage may be refused: then a reload asks for the click again.
function remembered() {
  try {
    return sessionStorage.getItem(KEY) === "on";
  } catch {
    return false;
  }
}

function remember(on) {
  try {
    if (on) sessionStorage.setItem(KEY, "on");
    else sessionStorage.removeItem(KEY);
  } catch {
    // See remembered().
  }
}

export class Sound {
  constructor({ onChange, make = () => new AudioContext(), monotonic = () => performance.now() }) {
    Object.assign(this, { onChange, make, monotonic });
    this.context = null;
    this.muted = false;
    this.rung = -Infinity;
  }

  // blocked: nothing can be heard yet; on; muted.
  get state() {
    if (this.muted) return "muted";
    return this.context?.state === "running" ? "on" : "blocked";
  }

  // Without a click only where it worked before in this tab, or where the address says that the
  // browser allows it: any other browser would complain in its log.
  start(wish) {
    this.muted = wish === "off";
    if (wish === "on" || (wish === "ask" && remembered())) this.open();
  }

  // After a click or a key.
  open() {
    if (!this.context) {
      try {
        this.context = this.make();
      } catch {
        return; // No device, or not allowed: it stays blocked, and says so.
      }
      this.context.onstatechange = () => this.onChange();
    }
    if (this.context.state !== "running") this.context.resume().then(() => this.onChange(), () => {});
    if (!this.muted) remember(true);
    this.onChange();
  }

  toggle() {
    this.muted = this.state === "on";
    remember(!this.muted);
    if (!this.muted) this.open();
    this.onChange();
  }

  // Once, however many have come; nodes of Web Audio end by themselves.
  ring() {
    if (this.state !== "on" || this.monotonic() - this.rung < PAUSE_MS) return;
    this.rung = this.monotonic();
    for (const [frequency, after] of TONES) this.tone(frequency, this.context.currentTime + after);
  }

  tone(frequency, at) {
    const tone = this.context.createOscillator();
    const volume = this.context.createGain();
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(LOUDNESS, at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, at + LENGTH_S);
    tone.connect(volume).connect(this.context.destination);
    tone.start(at);
    tone.stop(at + LENGTH_S);
  }
}
