package attack

// line is one threat of the hardening list (H), or one promise that is attacked (R), and the tests that perform the attack as folder.Test; or why the
// product has nothing there to attack. Each test says at itself which lines it performs.
type line struct {
	id, threat string
	tests      string
	nothing    string
}

// lines are the list. The folders are those of the repository.
func lines() []line {
	return []line{
		{id: "H1", threat: "documents that cost much to read", tests: "internal/attack.TestRepeatedFields internal/attack.TestGraphQLCop internal/attack.TestOnlyDocumentsOnTheList " +
			"graph.TestNoBodyCostsMuch graph.TestOnlyListedDocuments graph.TestOnlyListedDocumentsOverSockets graph.TestRequestsThatAreNone"},
		{id: "H2", threat: "depth, breadth, aliases, lists in lists", tests: "graph.TestLimitsRefuseWhatIsTooMuch graph.TestLimitsBoundPages graph.TestLimitsHoldOverSockets internal/attack.TestGraphQLCop " +
			"internal/inbox.TestLongMessagesAreShownInPart internal/attack.TestWhatIsTooLargeIsTold internal/inbox.TestMarksThatComeTogetherAreBounded"},
		{id: "H3", threat: "reading the schema, suggestions, operators' pages", tests: "graph.TestSchemaIsNotTold internal/attack.TestGraphQLCop internal/attack.TestOperatorsPagesAreInside"},
		{id: "H4", threat: "requests that another site's page sends", tests: "internal/attack.TestGraphQLCop internal/attack.TestCredentialsInAddressesAreNobodys internal/httpd.TestOtherSitesMayNotWrite " +
			"graph.TestRequestsThatAreNone internal/simulator.TestOtherSitesAreRefused"},
		{id: "H5", threat: "sockets that another site's page opens", tests: "internal/attack.TestPagesOfOthersOpenNoSocket internal/httpd.TestOrigins internal/httpd.FuzzOrigins graph.TestSocketCredentials"},
		{id: "H6", threat: "sockets of nobody, old protocols, credentials in addresses", tests: "graph.TestSocketSubprotocols graph.TestSocketsAreCounted graph.TestSocketsOfAnAddressBeforeInit " +
			"graph/conformance.TestTransportWSProbes internal/attack.TestIdleSockets internal/attack.TestCredentialsInAddressesAreNobodys"},
		{id: "H7", threat: "floods of subscribes, an id used twice", tests: "internal/attack.TestFloodOnOneSocket internal/attack.TestHostileFrames graph/conformance.TestTransportWSProbes graph.TestEventStreamsAreCounted"},
		{id: "H8", threat: "a socket that outlives its credential", tests: "graph.TestSocketEndsWithItsCredential graph.TestSocketEndsWithItsRights graph.TestSocketEndsThoughItsCredentialIsRemembered " +
			"graph.TestEventStreamIsCut internal/live.TestRevokedAccessEndsAtItsEvent internal/attack.TestAKeyThatExpiresEndsWhatItOpened internal/auth.TestAKeyHoldsUntilItsEnd"},
		{id: "H9", threat: "readers that stop, big frames, bombs", tests: "graph/internal/wire.TestOneLargeFrameGoesBeyond graph/internal/wire.TestAQueueCountsWhatItCosts internal/attack.TestReadersThatStop internal/attack.TestSlowReaderIsToldWhy internal/attack.TestHostileFrames internal/attack.TestHostileRequests graph.TestReaderThatStopsIsClosed " +
			"graph.TestPeerThatIsSilentIsClosed internal/attack.TestAnswersThatNobodyReads graph/internal/wire.TestAnswersToReadersThatStopAreGivenUp internal/httpd.TestServeEndsBesideReadersThatStop " +
			"internal/attack.TestWhatIsTooLargeIsTold graph/internal/wire.TestAnswersOfASocketAreBounded"},
		{id: "H10", threat: "errors that tell too much", tests: "graph.TestUnknownErrorsAreHidden graph.TestAPanicIsOneError graph.TestSocketCredentials internal/httpd.TestErrorsTellOnlyWhatTheyMay " +
			"internal/httpd.TestPanicBecomesInternal internal/attack.TestSecretsAreNowhere"},
		{id: "H11", threat: "slow operations and slow requests", tests: "internal/attack.TestSlowRequests internal/attack.TestHostileRequests graph/conformance.TestSlowOperationIsGivenUp graph.TestKnownErrorsAreShown " +
			"db.TestConnectionsComeBackClean internal/attack.TestAnswersThatNobodyReads graph/internal/wire.TestAnswersToReadersThatStopAreGivenUp"},
		{id: "H12", threat: "objects and fields of others", tests: "graph/conformance.TestEveryOperationHasItsRule graph/conformance.TestOthersConversationsAreNotThere internal/attack.TestAnotherTenantIsNotThere " +
			"graph.TestSocketEndsWithItsRights internal/auth.TestAccessIsReadAfresh db.TestNoMethodReachesAnotherTenant"},
		{id: "H13", threat: "guessing passwords, asking without end", tests: "internal/attack.TestPasswordsAreTriedFiveTimes graph.TestAttemptsAreCountedInAllProcesses graph.TestCostIsLimitedByCallerAndTenant " +
			"graph.TestLimitsRefuseWhatIsTooMuch graph/conformance.TestSignIn graph/conformance.TestSignInIsLimited graph.TestSignInsOfOneNetworkAreCountedTogether graph.TestSignInsAreToldApart graph.TestLogoutsAreLimited graph/internal/wire.TestSignInsWaitApart " +
			"graph.TestACrowdAtOneAccountIsSlowedDown graph.TestACrowdIsCountedInAllProcesses graph/conformance.TestACrowdAtOneAccountIsSlowedDown " +
			"internal/auth.TestOnlyWhatEndsIsForgotten internal/auth.TestAFloodOfOneSortMakesNoOtherForgotten internal/jobs.TestCountIsSharedByAll internal/auth.TestLoginRefusesEverythingElseTheSame"},
		{id: "H14", threat: "caches that mix callers", tests: "internal/attack.TestAnotherTenantChangesNothing graph.TestCohortsAreApartWhereTheyMustBe graph.TestCohortsOfTenantsAreApart"},
		{id: "H15", threat: "fields that show a secret", tests: "internal/attack.TestSecretsAreNowhere internal/secret.TestTextNeverPrints"},
		{id: "H20", threat: "forged webhooks", tests: "internal/httpd.TestNobodyLearnsWhichAddressesExist internal/httpd.TestUnreadableBodies internal/attack.TestHostileRequests internal/channel.TestVerifySHA256 " +
			"internal/channel/meta.TestConformance internal/channel/meta.TestSecretsRotate internal/channel/meta.FuzzSignature"},
		{id: "H21", threat: "forged webhooks of Twilio", nothing: "there is no such provider yet"},
		{id: "H22", threat: "certificates and subscriptions of SNS", nothing: "there is no such provider yet"},
		{id: "H23", threat: "webhooks sent again", tests: "internal/inbox.TestIngestAppliesEveryItemOnce internal/inbox.TestInboundReopensByPolicy internal/httpd.TestConcurrentRedeliveries db.TestPromisesRestOnKeys"},
		{id: "H24", threat: "learning which addresses and tenants exist", tests: "internal/httpd.TestNobodyLearnsWhichAddressesExist internal/inbox.TestTenantByContent " +
			"internal/httpd.TestUnknownAddressesCostLittleMemory internal/attack.TestSameAnswerForWhatIsNotThere"},
		{id: "H25", threat: "the verification of an address", tests: "internal/httpd.TestChallenge internal/channel/meta.TestChallenge internal/channel.TestVerifyToken"},
		{id: "H26", threat: "floods of webhooks", tests: "internal/httpd.TestFloodsAreShed internal/httpd.TestStoringIsShedWhenItIsFull internal/httpd.TestBodiesHoldBoundedMemory internal/attack.TestOverload " +
			"internal/channel/meta.TestItemsHoldLittleMoreThanTheBody internal/channel/meta.FuzzReceive internal/inbox.TestWhatIsAnsweredIsNotHeld"},
		{id: "H27", threat: "bodies that parsers read in two ways", tests: "internal/httpd.TestUnreadableBodies internal/channel.TestCheckJSON internal/channel.FuzzStrictJSON internal/channel/meta.TestMalformedBodies " +
			"internal/channel/meta.TestUnclearMetadataQuarantinesItsChange internal/channel/meta.FuzzReceive"},
		{id: "H30", threat: "calls that are led inside", tests: "internal/channel.TestGuardRefusesWhatIsNotPublic internal/channel.TestClientReachesOnlyConfiguredPrivateHosts internal/channel.TestClientIgnoresProxies " +
			"internal/channel.TestClientRefusesRedirects internal/channel.TestFollowRedirects internal/channel.TestClientLimits"},
		{id: "H31", threat: "tokens that are led away", tests: "internal/channel/meta.TestFetchMedia internal/channel/meta.TestFetchMediaFailures internal/channel/meta.TestFetchMediaRefusesIdsThatArePaths"},
		{id: "H32", threat: "calls of alert URLs", tests: "internal/attack.TestAlertURLsLeadNowhereInside internal/outbound.TestStuckMessageAlertsOnce internal/channel.TestGuardRefusesWhatIsNotPublic"},
		{id: "H40", threat: "scripts in what customers write", tests: "web.TestBuiltPageNeedsNothingInline web.TestPolicyOnEveryAnswer internal/httpd.TestFileThatCouldHoldAScriptIsOnlySaved"},
		{id: "H41", threat: "pictures from elsewhere", nothing: "no message holds an address that the app loads; files come from this server"},
		{id: "H42", threat: "headers of answers", tests: "internal/httpd.TestSecurityHeaders web.TestPolicyOnEveryAnswer"},
		{id: "H43", threat: "headers of mails", nothing: "there is no mail yet"},
		{id: "H44", threat: "templates that compute", nothing: "templates are the provider's; ours only fill in values"},
		{id: "H45", threat: "senders that pretend", nothing: "there is no mail yet"},
		{id: "H46", threat: "loops of answers", nothing: "nothing answers by itself yet"},
		{id: "H47", threat: "bombs in mails", nothing: "there is no mail yet"},
		{id: "H48", threat: "links that lead away", nothing: "there are no tracked links"},
		{id: "H49", threat: "unsubscribing by a scanner", nothing: "there are no lists to unsubscribe from"},
		{id: "R6", threat: "webhooks that name another tenant's account", tests: "internal/inbox.TestTenantByContent " +
			"internal/attack.TestSameAnswerForWhatIsNotThere"},
		{id: "R44", threat: "readers that stop or are slow", tests: "internal/attack.TestReadersThatStop internal/attack.TestSlowReaderIsToldWhy " +
			"internal/attack.TestAnswersThatNobodyReads graph.TestReaderThatStopsIsClosed graph/internal/wire.TestAnswersToReadersThatStopAreGivenUp " +
			"graph/internal/wire.TestAnswersOfASocketAreBounded graph/internal/wire.TestOneLargeFrameGoesBeyond " +
			"graph/internal/wire.TestAQueueCountsWhatItCosts internal/live.TestASlowSubscriberIsGivenUp"},
		{id: "R50", threat: "a tenant whose doings change another's answers", tests: "internal/attack.TestAnotherTenantChangesNothing"},
		{id: "R51", threat: "a tenant's text in another's answers, and what their times tell", tests: "internal/attack.TestAnotherTenantIsNotThere " +
			"internal/attack.TestSameAnswerForWhatIsNotThere"},
		{id: "R55", threat: "credentials that name two tenants", tests: "internal/attack.TestPagesOfOthersOpenNoSocket " +
			"internal/auth.TestCredentialsMustAgree graph.TestSocketCredentials"},
		{id: "R60", threat: "secrets in what the process leaves behind", tests: "internal/attack.TestSecretsAreNowhere internal/secret.TestTextNeverPrints " +
			"internal/fault.TestPanicTellsNoSecret internal/httpd.TestPanicBecomesInternal internal/auth.TestCredentialsAreKeptSealed"},
		{id: "R61", threat: "sealed values that are moved, changed or under an old key", tests: "internal/attack.TestKeysRotateUnderLoad " +
			"internal/attack.TestSealedValuesStayWhereTheyAre internal/secret.TestSealedValueOpensOnlyWhereItBelongs " +
			"internal/secret.TestSealedValueRefusesEveryChange internal/secret.TestRotation internal/outbound.TestMovedCredentialsCallNobody"},
		{id: "R63", threat: "changes without a line in the audit log, and lines that are changed", tests: "internal/attack.TestEveryChangeLeavesItsLine " +
			"db.TestPromisesRestOnKeys db.TestVerifyFindsEachViolation db.TestRolesHaveNoMoreThanTheyNeed internal/outbound.TestAuditIsSealed"},
		{id: "R70", threat: "clients that hold up the end of a process, or are not told of it", tests: "internal/attack.TestAnswersThatNobodyReads " +
			"internal/httpd.TestServeEndsBesideReadersThatStop graph.TestDrainAsksToReconnect graph.TestEventStreamIsCut"},
		{id: "R79", threat: "three times as much as the process takes", tests: "internal/attack.TestOverload internal/attack.TestIdleSockets " +
			"internal/httpd.TestStoringIsShedWhenItIsFull internal/httpd.TestBodiesHoldBoundedMemory graph/internal/wire.TestCrowdIsBounded " +
			"graph/internal/wire.TestSignInsWaitApart db.TestReadyWhileAllConnectionsAreBusy internal/inbox.TestWhatIsAnsweredIsNotHeld"},
	}
}
