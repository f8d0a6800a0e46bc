// The entry of the check page, loaded by tag on every page: it sleeps until that page is there.

import { CheckPage } from "./modules/check.mjs";

if (!globalThis.nocturneCheck) {
  globalThis.nocturneCheck = new CheckPage();
  globalThis.nocturneCheck.start();
}
