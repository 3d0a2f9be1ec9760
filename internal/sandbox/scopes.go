package sandbox

import "strings"

// ask explains one scope to users.
type ask struct {
	Short string // what it permits
	Long  string // what that means for the user
}

// asks explains scopes. A scope with several names is explained once.
func asks(scopes []string) []ask {
	var list []ask
	seen := map[string]bool{}
	for _, scope := range scopes {
		one := words(scope)
		if !seen[one.Short] {
			seen[one.Short] = true
			list = append(list, one)
		}
	}
	return list
}

func words(scope string) ask {
	switch scope {
	case "id", "user", "identity":
		return ask{"Know who you are", "Your name at Gloebit and your Gloebit ID."}
	case "balance":
		return ask{"See your balance", "How many gloebits you have, at any time."}
	case "transact":
		return ask{"Spend your gloebits", "It can charge your account for what you buy there, without asking here each time."}
	case "inventory":
		return ask{
			"Manage what you own there", "See, add, change and use up the products and items you have with this application.",
		}
	case "character":
		return ask{"Manage your characters", "See, create, change and delete your characters."}
	default:
		return ask{"Use “" + scope + "”", "A permission that the sandbox has no words for."}
	}
}

// brief returns the permissions in one line, for the list of approved
// applications.
func brief(scopes []string) string {
	list := asks(scopes)
	short := make([]string, 0, len(list))
	for _, one := range list {
		short = append(short, strings.ToLower(one.Short[:1])+one.Short[1:])
	}
	return strings.Join(short, ", ")
}
