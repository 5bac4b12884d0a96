// An error: one sentence, and the field at fault.

export class Refusal extends Error {
  constructor(status, sentence, field) {
    super(sentence);
    this.status = status;
    this.field = field;
  }
}
