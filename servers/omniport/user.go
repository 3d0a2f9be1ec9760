package omniport

import "cmp"

// User is Omniport's data about a user. An object is nil unless the application
// is registered with one of its data points. Its fields are zero if the user
// does not have the data. ID is always set; if the user is not a person, only
// ID is set.
//
// Dates are as Omniport writes them: 2006-01-02.
type User struct {
	ID int64 `json:"userId"`
	// Username is part of Omniport's documentation and of older versions'
	// responses.
	Username string `json:"username,omitempty"`

	Person                 *Person                 `json:"person,omitempty"`
	Student                *Student                `json:"student,omitempty"`
	FacultyMember          *FacultyMember          `json:"facultyMember,omitempty"`
	BiologicalInformation  *BiologicalInformation  `json:"biologicalInformation,omitempty"`
	ContactInformation     *ContactInformation     `json:"contactInformation,omitempty"`
	ResidentialInformation *ResidentialInformation `json:"residentialInformation,omitempty"`
	// SocialInformation maps the name of a site to the user's URL there.
	SocialInformation map[string]string `json:"socialInformation,omitzero"`
}

// Name returns the full name of the user, or the short one, or the username, or
// "".
func (u User) Name() string {
	person := cmp.Or(u.Person, new(Person))
	return cmp.Or(person.FullName, person.ShortName, u.Username)
}

// Person holds the data points person.*.
type Person struct {
	ShortName      string `json:"shortName,omitempty"`
	FullName       string `json:"fullName,omitempty"`
	DisplayPicture string `json:"displayPicture,omitempty"` // a path or a URL; may be empty
	Roles          []Role `json:"roles,omitempty"`
	CustomRoles    []Role `json:"customRoles,omitempty"` // their names contain a dot
}

// Role is a role of a person.
type Role struct {
	Role         string `json:"role"`
	ActiveStatus string `json:"activeStatus"` // such as ActiveStatus.IS_ACTIVE
}

// Student holds the data points student.*.
type Student struct {
	StartDate            string `json:"startDate,omitempty"`
	EndDate              string `json:"endDate,omitempty"`
	EnrolmentNumber      string `json:"enrolmentNumber,omitempty"`
	BranchName           string `json:"branch name,omitempty"`
	BranchDegreeName     string `json:"branch degree name,omitempty"`
	BranchDepartmentName string `json:"branch department name,omitempty"`
	CurrentYear          int    `json:"currentYear,omitempty"`
	CurrentSemester      int    `json:"currentSemester,omitempty"`
}

// FacultyMember holds the data points faculty_member.*.
type FacultyMember struct {
	StartDate      string `json:"startDate,omitempty"`
	EndDate        string `json:"endDate,omitempty"`
	Designation    string `json:"designation,omitempty"`
	DepartmentName string `json:"department name,omitempty"`
	EmployeeID     string `json:"employeeId,omitempty"`
}

// BiologicalInformation holds the data points biological_information.*.
type BiologicalInformation struct {
	DateOfBirth string `json:"dateOfBirth,omitempty"`
	BloodGroup  string `json:"bloodGroup,omitempty"`
	Sex         string `json:"sex,omitempty"`
	Gender      string `json:"gender,omitempty"`
}

// ContactInformation holds the data points contact_information.*.
type ContactInformation struct {
	EmailAddress            string `json:"emailAddress,omitempty"`
	EmailAddressVerified    bool   `json:"emailAddressVerified,omitempty"`
	InstituteWebmailAddress string `json:"instituteWebmailAddress,omitempty"`
	PrimaryPhoneNumber      string `json:"primaryPhoneNumber,omitempty"`
	SecondaryPhoneNumber    string `json:"secondaryPhoneNumber,omitempty"`
}

// ResidentialInformation holds the data points residential_information.*.
type ResidentialInformation struct {
	ResidenceName string `json:"residence name,omitempty"`
	RoomNumber    string `json:"roomNumber,omitempty"`
}
