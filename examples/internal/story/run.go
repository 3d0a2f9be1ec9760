// Package story tests what visitors of the example shop do, over HTTP and in a
// browser. The shop's own tests run it; with the build tag chromium, also
// TestInChromium.
package story

import (
	"testing"

	"github.com/go-gloebit/gloebit/examples/internal/launch"
)

type story struct {
	name string
	tell func(*testing.T, launch.Build)
}

// Run runs the stories over HTTP, with a visitor whose browser has no
// JavaScript.
func Run(t *testing.T, build launch.Build) {
	t.Helper()
	tell(t, build, []story{
		{"a visitor connects, buys a hat, uses it up and disconnects", aVisitorConnectsBuysAHatUsesItUpAndDisconnects},
		{"connecting from an article leads back to it", connectingFromAnArticleLeadsBackToIt},
		{"a page for the connected leads through connect and back", aPageForTheConnectedLeadsThroughConnectAndBack},
		{"a service is charged at the shop's price", aServiceIsChargedAtTheShopsPrice},
		{"not enough gloebits leads to more of them and back", notEnoughGloebitsLeadsToMoreOfThemAndBack},
		{"getting more gloebits leads back to the page", gettingMoreGloebitsLeadsBackToThePage},
		{"a refused consent leads back to a shop that charges nothing", aRefusedConsentLeadsBackToAShopThatChargesNothing},
		{"a refusal that does come back is explained", aRefusalThatDoesComeBackIsExplained},
		{"a revoked token is explained and connect leads back", aRevokedTokenIsExplainedAndConnectLeadsBack},

		{"a double click is one purchase", aDoubleClickIsOnePurchase},
		{"a key used again for something else is charged for what it is", aKeyUsedAgainForSomethingElseIsChargedForWhatItIs},
		{"a lost answer is nothing to the visitor", aLostAnswerIsNothingToTheVisitor},
		{"an order that never arrived is sent again by the shop", anOrderThatNeverArrivedIsSentAgainByTheShop},
		{"a purchase is shown as it moves", aPurchaseIsShownAsItMoves},
		{"a restart forgets no purchase", aRestartForgetsNoPurchase},
		{"what the bench has no room for is canceled", whatTheBenchHasNoRoomForIsCanceled},
		{"a stuck purchase is found and freed in the back office", aStuckPurchaseIsFoundAndFreedInTheBackOffice},
		{"an order that may not be saved is sent again", anOrderThatMayNotBeSavedIsSentAgain},
		{"callbacks need a signature and nothing else", callbacksNeedASignatureAndNothingElse},
		{"the shop stays open while Gloebit is down", theShopStaysOpenWhileGloebitIsDown},
		{"a locked account is explained", aLockedAccountIsExplained},
		{"a product that Gloebit does not know is not sold", aProductThatGloebitDoesNotKnowIsNotSold},
		{"using up", usingUp},
		{"forms that can't be read charge nothing", formsThatCantBeReadChargeNothing},
		{"who is not connected is asked to connect and not charged", whoIsNotConnectedIsAskedToConnectAndNotCharged},
		{"a link that leads away is not followed", aLinkThatLeadsAwayIsNotFollowed},
		{"forms of other sites are refused", formsOfOtherSitesAreRefused},
		{"addresses where nothing is", addressesWhereNothingIs},
		{"a stale callback is explained", aStaleCallbackIsExplained},
		{"a connection that can't be saved is not greeted", aConnectionThatCantBeSavedIsNotGreeted},
		{"pages limit what a browser does", pagesLimitWhatABrowserDoes},
		{"the session cookie is held to the host on https", theSessionCookieIsHeldToTheHostOnHTTPS},
	})
}

// RunInChromium runs stories in Chromium. Without it they are skipped, unless
// GLOEBIT_TEST_REQUIRE=all is set. They run one after another, because each
// occupies a processor.
func RunInChromium(t *testing.T, build launch.Build) {
	t.Helper()
	t.Parallel()
	b := newBrowser(t, false)
	for _, s := range []struct {
		name string
		tell func(*testing.T, launch.Build, *browser)
	}{
		{
			"a visitor connects, buys a hat, uses it up and disconnects",
			aVisitorConnectsBuysAHatUsesItUpAndDisconnectsInChromium,
		},
		{
			"a purchase arrives without a reload and outlives the shop",
			aPurchaseArrivesWithoutAReloadAndOutlivesTheShopInChromium,
		},
		{"a refusal and a revoked token lead back to the shop", aRefusalAndARevokedTokenLeadBackInChromium},
		{"a stuck purchase is found and freed in the back office", aStuckPurchaseIsFoundAndFreedInTheBackOfficeInChromium},
		{"every page suits every window", everyPageSuitsEveryWindow},
		{"links that are loaded ahead", linksThatAreLoadedAhead},
		{"pages that are restored", pagesThatAreRestored},
		{"two tabs at once", twoTabsAtOnce},
		{"cookies that are blocked", cookiesThatAreBlocked},
		{"cookies that are Strict", cookiesThatAreStrict},
	} {
		t.Run(s.name, func(t *testing.T) { s.tell(t, build, b.apart(t)) })
	}
}

func tell(t *testing.T, build launch.Build, stories []story) {
	t.Helper()
	t.Parallel()
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel() // each has its own shop
			s.tell(t, build)
		})
	}
}
