/** Several edits of a head as one. */
import * as host from './host'
import { Message } from './message'
import { PieceWriter } from './pieces'
import { expectResult } from './results'

/** Several edits that are made with one call: all, or none where one is not granted. */
export class Edits {
  private writer: PieceWriter = new PieceWriter()
  private count: i32 = 0

  constructor() {
    this.writer.number(0)
  }

  set(name: string, value: string): Edits {
    return this.write(0, name).value(value)
  }

  add(name: string, value: string): Edits {
    return this.write(1, name).value(value)
  }

  remove(name: string): Edits {
    return this.write(2, name)
  }

  /** May be done again, also of other exchanges: an `Edits` made once in `on_init` costs nothing later. */
  applyTo(message: Message): void {
    this.writer.setNumber(0, this.count)
    expectResult(host.edit_head(message.kind, this.writer.at, this.writer.length), 'an edit of the head')
  }

  private write(what: i32, name: string): Edits {
    this.count++
    this.writer.number(what)
    this.writer.latin1(name)
    return this
  }

  private value(value: string): Edits {
    this.writer.latin1(value)
    return this
  }
}
