// What cannot be answered: one sentence, and the field that it is about.

export class Refusal extends Error {
  constructor(status, sentence, field) {
    super(sentence);
    this.status = status;
    this.field = field;
  }
}
