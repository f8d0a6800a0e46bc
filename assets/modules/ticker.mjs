// A steady tick. A hidden tab's own timers may run only once a minute, a worker's go on: the title
// and the favicon of a background tab must not lag behind the truth.

const EVERY_MS = 500;

if (typeof WorkerGlobalScope !== "undefined" && globalThis instanceof WorkerGlobalScope) {
  setInterval(() => globalThis.postMessage("tick"), EVERY_MS);
}

export function startTicking(tick) {
  let fromWorker = 0;
  try {
    const worker = new Worker(new URL("./ticker.mjs", import.meta.url), { type: "module" });
    worker.onmessage = () => {
      fromWorker = performance.now();
      tick();
    };
  } catch {
    // Workers are refused here: the timer below is the only one.
  }
  setInterval(() => {
    if (performance.now() - fromWorker > 2 * EVERY_MS) tick();
  }, EVERY_MS);
}
