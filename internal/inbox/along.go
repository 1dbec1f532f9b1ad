package inbox

// Along says what is read together with a change of a conversation, of that to which it points then, and who takes it. The zero value: nothing.
type Along struct {
	Want Beside
	Take func(*Snapshot) // called once after the commit, unless nothing is wanted
}

// read asks for what is wanted beside the conversation; nil for nothing.
func (a Along) read(tx Tx, c Conversation) *Snapshot {
	if a.Want == (Beside{}) {
		return nil
	}
	return tx.BesideAtEnd(c, a.Want)
}

// give hands over what was read by a transaction that is committed.
func (a Along) give(beside *Snapshot) {
	if beside != nil {
		a.Take(beside)
	}
}
