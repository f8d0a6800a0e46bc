// The palette's step in which the time zone of this screen is chosen.

import { hourMinute } from "./format.mjs";
import { indexed } from "./paletterank.mjs";
import { choose, chosen, local, LOCAL, offsetText, UTC, zoneNames } from "./zone.mjs";

const FIRST = "Often chosen";
const ALL = "All zones";

function entry(choice, zone, more = {}) {
  return indexed({
    id: `zone ${choice}`,
    section: ALL,
    title: zone.replaceAll("_", " "),
    icon: "versions",
    fields: [zone],
    zone,
    current: chosen() === choice,
    tell: () => {
      choose(choice);
      return `Times are told in ${zone.replaceAll("_", " ")}.`;
    },
    ...more,
  });
}

export function zoneEntries() {
  const first = [
    entry(UTC, UTC, { section: FIRST, weight: 3, fields: ["gmt", "universal"] }),
    entry(LOCAL, local(), { section: FIRST, weight: 2, title: `This browser’s: ${local().replaceAll("_", " ")}`, fields: ["local", "here", "system"] }),
  ];
  return [...first, ...zoneNames().filter((zone) => zone !== UTC).map((zone) => entry(zone, zone))];
}

// What stands beside a zone; worked out for the few that are drawn alone.
export function zoneNote(zone, now) {
  return `${hourMinute(now, zone)} · ${offsetText(now, zone)}`;
}

export function zoneStep(now) {
  return {
    title: "Time zone",
    ask: "In which zone are times to be told?",
    none: { main: "No zone has this name", more: "Zones are called by a continent and a city: Europe/Berlin, America/New York, Asia/Kolkata." },
    entries: zoneEntries,
    drawn: (found) => ({ ...found, note: zoneNote(found.zone, now()) }),
  };
}
