/** The comments of the model: what they say, where they hang, and how they stand. */
import { type Action, DOUBTFUL } from './social-actions.ts';

export interface ModelComment {
  contentId: string;
  commentId: string;
  ownerId: string;
  authorId: string;
  parentId: string | undefined;
  at: number;
  text: string;
  /** When the present words were written. */
  textAt: number;
  everyText: string[];
  /** The functions have seen its present words, and its place. */
  isSeen: boolean;
  held: 'no' | 'maybe' | 'yes';
  /** Whether it was ever held. */
  wasHeld: 'no' | 'maybe' | 'yes';
  isDown: boolean;
  isWithdrawn: boolean;
  depth: number;
  rootId: string;
  /** Something that it hangs below went before anybody had seen where it hangs. */
  placeIsOpen: boolean;
}

type Named = Pick<ModelComment, 'contentId' | 'commentId'>;
type Written = Extract<Action, { kind: 'comment' }>;
type Edited = Extract<Action, { kind: 'edit' }>;

const keyOf = ({ contentId, commentId }: Named): string => `${contentId} ${commentId}`;
export const subjectOf = ({ contentId, commentId }: Named): string => `content/${contentId}/comments/${commentId}`;

/** What its status may be. */
export function statusesOf({ isWithdrawn, isDown, held }: ModelComment): string[] {
  if (isWithdrawn || isDown) return ['removed'];
  return held === 'yes' ? ['held'] : held === 'maybe' ? ['held', 'visible'] : ['visible'];
}

export class ModelComments {
  readonly #all = new Map<string, ModelComment>();

  values(): ModelComment[] {
    return [...this.#all.values()];
  }

  get(named: Named): ModelComment | undefined {
    return this.#all.get(keyOf(named));
  }

  parentOf({ contentId, parentId }: ModelComment): ModelComment | undefined {
    return parentId === undefined ? undefined : this.get({ contentId, commentId: parentId });
  }

  /** The functions have seen all of them. */
  settled(wasDecidedOn: (subject: string) => boolean): void {
    for (const comment of this.#all.values()) {
      comment.isSeen = true;
      if (comment.text === DOUBTFUL && !wasDecidedOn(subjectOf(comment))) comment.held = comment.wasHeld = 'yes';
    }
  }

  add({ by, contentId, commentId, text, parentId }: Written, ownerId: string, at: number): ModelComment {
    const parent = parentId === undefined ? undefined : this.get({ contentId, commentId: parentId });
    const comment: ModelComment = {
      contentId,
      commentId,
      ownerId,
      authorId: by,
      parentId,
      at,
      text,
      textAt: at,
      everyText: [text],
      isSeen: false,
      held: 'no',
      wasHeld: 'no',
      isDown: false,
      isWithdrawn: false,
      depth: parent ? parent.depth + 1 : 0,
      rootId: parent ? parent.rootId : commentId,
      placeIsOpen: parent?.placeIsOpen ?? false,
    };
    this.#all.set(keyOf(comment), comment);
    return comment;
  }

  /** @throws {Error} for one that is not there */
  edit(edited: Edited, at: number): ModelComment {
    const comment = this.get(edited);
    if (!comment) throw new Error(`${edited.commentId} is not there`);
    const { text } = edited;
    if (comment.text === DOUBTFUL && !comment.isSeen && comment.held === 'no') comment.held = comment.wasHeld = 'maybe';
    return Object.assign(comment, { text, textAt: at, everyText: [...comment.everyText, text], isSeen: false });
  }

  delete({ contentId, commentId }: Named): void {
    this.#all.delete(keyOf({ contentId, commentId }));
    this.#openPlacesBelow({ contentId, commentId });
  }

  #openPlacesBelow(above: Named): void {
    for (const comment of this.#all.values()) {
      const isBelow = comment.contentId === above.contentId && comment.parentId === above.commentId;
      if (!isBelow || comment.placeIsOpen) continue;
      if (!comment.isSeen) comment.placeIsOpen = true;
      this.#openPlacesBelow(comment);
    }
  }
}
