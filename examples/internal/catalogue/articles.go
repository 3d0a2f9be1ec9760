package catalogue

func products() []Article {
	return []Article{
		{
			Slug: "green-hat", Title: "Green hat", Price: 40,
			Line: "Wool felt, a pheasant feather, opinions of its own.",
			Story: "Steamed over the same oak block since the shop opened. The feather is found, never taken. It suits " +
				"people who say that hats don’t suit them.",
			Use: "You put on a green hat. It suits you.",
		},
		{
			Slug: "straw-hat", Title: "Straw hat", Price: 30,
			Line: "For rowing boats, lemonade and long goodbyes.",
			Story: "Plaited rye straw and a ribbon the red of a letter box. Light enough to forget on a bench, which is " +
				"why we keep plenty of them.",
			Use: "You put on a straw hat. The sun gives up.",
		},
		{
			Slug: "night-cap", Title: "Stargazer’s cap", Price: 35,
			Line: "Navy cotton, eleven stars, one very good bobble.",
			Story: "Sewn for people who wait up for comets. Each star is stitched by hand; on clear nights they are said " +
				"to line up.",
			Use: "You pull on a stargazer’s cap. Somewhere, a comet blushes.",
		},
		{
			Slug: "red-scarf", Title: "Red scarf", Price: 25,
			Line:  "Two metres of warm wool, and fringes to fidget with.",
			Story: "Not a hat, we know. But a hat without a scarf is only half a conversation.",
			Use:   "You wind a red scarf round your neck. Winter may come.",
		},
		{
			Slug: "health-potion", Title: "Health potion", Price: 5,
			Line: "One sip and you feel better. Shake gently.",
			Story: "Brewed by the neighbour upstairs from violets and good intentions. Works best on Tuesdays. We have no " +
				"idea why.",
			Use: "You drink a health potion. Your cold packs its bags.",
		},
		{
			Slug: "golden-crown", Title: "Golden crown", Price: 900,
			Line:  "Heavy is the head. Heavier still is the price.",
			Story: "Made once, for a customer who never came back for it. We polish it on Sundays and don’t ask questions.",
			Use:   "You put on a golden crown. Everyone stands up.",
		},
	}
}

func services() []Article {
	return []Article{
		{
			Slug: "name-engraving", Kind: Service, Title: "Name in the band", Price: 12,
			Line:  "Your name, stitched into the leather inside the brim.",
			Story: "So that a lost hat finds its way home. Done at the bench by the window while you look around.",
		},
		{
			Slug: "gift-wrap", Kind: Service, Title: "Gift wrap", Price: 8,
			Line:  "Rose paper, a proper bow, no sticky tape in sight.",
			Story: "Folded the way our grandmother folded it. Don't tell what is inside.",
		},
	}
}
