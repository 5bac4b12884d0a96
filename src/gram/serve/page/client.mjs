// The server, asked. What it refuses is a Refusal: its sentence, and the field that it is about.

export class Refusal extends Error {
  constructor(status, sentence, field) {
    super(sentence);
    this.status = status;
    this.field = field;
  }
}

let token = "";

/** The bearer token of further requests. */
export const setToken = (value) => { token = value.trim(); };

async function ask(path, body, signal) {
  const headers = { ...(token && { Authorization: `Bearer ${token}` }), ...(body && { "Content-Type": "application/json" }) };
  let response;
  try {
    response = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, "The server does not answer; see whether it runs, and try again.");
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  throw new Refusal(response.status, told.detail ?? `The server answered with status ${response.status}.`, told.field);
}

/** The tasks that are served. */
export const tasks = async () => (await (await ask("v1/tasks")).json()).tasks;

/** The answer to one puzzle. */
export async function solve(task, puzzle, options, signal) {
  const response = await ask(`v1/${task}/solve`, { puzzles: puzzle, ...options }, signal);
  return (await response.json()).answers[0];
}

/** The most that the server allows of an option. */
export async function most(option) {
  const document = await (await ask("openapi.json")).json();
  return document.components.schemas.Solve.properties[option].maximum;
}
