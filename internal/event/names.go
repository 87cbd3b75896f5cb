package event

// Name implements Event for every event of the vocabulary.

func (NodeStarted) Name() string           { return "NodeStarted" }
func (NodeStopped) Name() string           { return "NodeStopped" }
func (StateChanged) Name() string          { return "StateChanged" }
func (ElectionStarted) Name() string       { return "ElectionStarted" }
func (RoundChanged) Name() string          { return "RoundChanged" }
func (VoteChanged) Name() string           { return "VoteChanged" }
func (*NotificationSent) Name() string     { return "NotificationSent" }
func (*NotificationReceived) Name() string { return "NotificationReceived" }
func (NotificationReplaced) Name() string  { return "NotificationReplaced" }
func (ResendScheduled) Name() string       { return "ResendScheduled" }
func (QuorumReached) Name() string         { return "QuorumReached" }
func (QuorumUndone) Name() string          { return "QuorumUndone" }
func (ElectionDecided) Name() string       { return "ElectionDecided" }
func (ElectionAborted) Name() string       { return "ElectionAborted" }
func (ConfigSeen) Name() string            { return "ConfigSeen" }
func (EventsDropped) Name() string         { return "EventsDropped" }
func (CertificateRenewed) Name() string    { return "CertificateRenewed" }
func (LinesLeftOut) Name() string          { return "LinesLeftOut" }
func (ConnectionAttempt) Name() string     { return "ConnectionAttempt" }
func (ConnectionTieBreak) Name() string    { return "ConnectionTieBreak" }
func (ConnectionUp) Name() string          { return "ConnectionUp" }
func (ConnectionDown) Name() string        { return "ConnectionDown" }
func (HandshakeCompleted) Name() string    { return "HandshakeCompleted" }
func (HandshakeRejected) Name() string     { return "HandshakeRejected" }
func (ListenFailed) Name() string          { return "ListenFailed" }
func (PeerResolved) Name() string          { return "PeerResolved" }
func (EpochProposed) Name() string         { return "EpochProposed" }
func (EpochPromised) Name() string         { return "EpochPromised" }
func (LeaderEstablished) Name() string     { return "LeaderEstablished" }
func (LeaderLost) Name() string            { return "LeaderLost" }
func (FollowerJoined) Name() string        { return "FollowerJoined" }
func (FollowerLost) Name() string          { return "FollowerLost" }
func (HeartbeatMissed) Name() string       { return "HeartbeatMissed" }
func (HeartbeatAnswered) Name() string     { return "HeartbeatAnswered" }
func (SyncReceived) Name() string          { return "SyncReceived" }
func (DurableWritten) Name() string        { return "DurableWritten" }
func (HistoryRefused) Name() string        { return "HistoryRefused" }
func (RequestRefused) Name() string        { return "RequestRefused" }

// All lists one zero value of every event, for those who must know each of them.
func All() []Event {
	return []Event{
		NodeStarted{}, NodeStopped{}, StateChanged{}, ElectionStarted{}, RoundChanged{}, VoteChanged{},
		&NotificationSent{}, &NotificationReceived{}, NotificationReplaced{}, ResendScheduled{}, QuorumReached{}, QuorumUndone{},
		ElectionDecided{}, ElectionAborted{}, ConfigSeen{}, EventsDropped{}, CertificateRenewed{}, LinesLeftOut{}, ConnectionAttempt{},
		ConnectionTieBreak{}, ConnectionUp{}, ConnectionDown{}, HandshakeCompleted{}, HandshakeRejected{},
		ListenFailed{}, PeerResolved{}, EpochProposed{}, EpochPromised{}, LeaderEstablished{}, LeaderLost{},
		FollowerJoined{}, FollowerLost{}, HeartbeatMissed{}, HeartbeatAnswered{}, SyncReceived{},
		DurableWritten{}, HistoryRefused{}, RequestRefused{},
	}
}
