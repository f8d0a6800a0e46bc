// Lists of the API that come a page at a time, read whole.

// The most that every list gives at a time.
const PAGE = 500;

// All entries under `name`, told apart by their `key` (a field, or what makes a text of an entry), as
// `ask(path)` answers with one page of them: `{status, body}`. A page that is refused is the answer. An
// entry that comes twice, since another was added meanwhile, is told once.
export async function whole(ask, path, name, key = "name") {
  const keyOf = typeof key === "function" ? key : (each) => each[key];
  const found = new Map();
  let cursor = null;
  do {
    const words = new URLSearchParams({ limit: PAGE, ...(cursor === null ? {} : { cursor }) });
    const answer = await ask(`${path}${path.includes("?") ? "&" : "?"}${words}`);
    if (answer.status !== 200) return answer;
    for (const each of answer.body[name]) found.set(keyOf(each), each);
    cursor = answer.body.next;
  } while (cursor !== null);
  return { ok: true, status: 200, body: { [name]: [...found.values()] } };
}
