// Every key there is, by the page that hears it: what the help lists and the docs tell. Data alone.

// After `g`: where it goes. A page that is not in the navigation is not gone to.
export const GO = {
  o: "/",
  w: "/wall",
  c: "/checks",
  i: "/incidents",
  b: "/business",
  e: "/explore",
  l: "/logs",
  x: "/errors",
  r: "/traces",
  d: "/oncall",
  m: "/maintenance",
  n: "/notifications",
  y: "/recovery",
  t: "/thresholds",
  p: "/reports",
  a: "/audit",
  s: "/settings",
};

// `is(path)` tells whether a section belongs to a page; those of every page have none. Keys that are
// pressed one after the other or stand for each other are parted by two spaces.
export const SECTIONS = [
  {
    title: "Everywhere",
    keys: [
      ["Ctrl-K", "Find anything, do anything: the command palette (⌘-K on a Mac)"],
      ["g  …", "Go to a page: see below"],
      ["/", "Search or filter what is listed"],
      ["j  k", "Next and previous row, card or check"],
      ["Enter", "Open what is focused"],
      ["Esc", "Clear the filter, close what is open"],
      ["?", "Show these keys"],
    ],
  },
  {
    title: "Overview",
    is: (path) => path === "/",
    keys: [
      ["a", "Acknowledge the focused problem; with none in focus, go to the first"],
      ["← →", "Move within a map of hexagons"],
    ],
  },
  {
    title: "Checks",
    is: (path) => path === "/checks",
    keys: [
      ["x", "Select the row; Shift with j and k selects on the way"],
      ["c  p  r", "Check now, pause, resume"],
      ["a  m  t", "Acknowledge, maintenance, tags"],
      ["z", "Undo what was just done"],
    ],
  },
  {
    title: "One check",
    is: (path) => path.startsWith("/checks/"),
    keys: [["c  p", "Check now; pause or resume"]],
  },
  {
    title: "Incidents",
    is: (path) => path === "/incidents",
    keys: [["x  a", "Select the row; acknowledge what is selected, else the one in focus"]],
  },
  {
    title: "One incident",
    is: (path) => path.startsWith("/incidents/"),
    keys: [
      ["j  k", "Next and previous open incident"],
      ["a  s  c", "Acknowledge, assign, comment"],
      ["e  m", "Resolve, silence"],
    ],
  },
  {
    title: "Thresholds",
    is: (path) => path === "/thresholds",
    keys: [
      ["Ctrl-S", "Save the draft"],
      ["z", "Undo what was saved"],
    ],
  },
  {
    title: "In the palette",
    is: () => false,
    keys: [
      ["↑ ↓", "Move; Page up and Page down by eight"],
      ["Enter", "Open or do what is marked; with Ctrl in a new tab"],
      [">", "Typed first: only what can be done"],
      ["#", "Typed first: only checks with a tag or in a group of this name"],
      ["Backspace", "In an empty field: one step back"],
    ],
  },
];
