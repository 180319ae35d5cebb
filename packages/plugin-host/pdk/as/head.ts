/** The head of a message, read in one piece. */
import { PieceReader } from './pieces'

/** A field as it came; names are in lower case. */
export class Field {
  constructor(
    readonly name: string,
    readonly value: string,
  ) {}
}

/** A head, read in one piece: cheaper than asking for more than about five fields. */
export class Head {
  /** Empty in a reply. */
  method: string = ''
  /** Empty in a reply. */
  target: string = ''
  /** 0 in a request. */
  status: i32 = 0
  fields: Array<Field> = []

  /** The value of the first field of this name, which is given in lower case. */
  get(name: string): string | null {
    for (let i = 0; i < this.fields.length; i++) if (this.fields[i].name == name) return this.fields[i].value
    return null
  }
}

/** Takes apart what `get_head` gave. */
export function readHead(kind: i32, at: usize): Head {
  const head = new Head()
  const reader = new PieceReader(at)
  if (kind == 0) {
    head.method = reader.latin1()
    head.target = reader.latin1()
  } else {
    head.status = reader.number()
  }
  head.fields = readFields(reader)
  return head
}

/** Their number, then name and value of each. */
export function readFields(reader: PieceReader): Array<Field> {
  const fields = new Array<Field>()
  for (let left = reader.number(); left > 0; left--) {
    const name = reader.latin1()
    fields.push(new Field(name, reader.latin1()))
  }
  return fields
}
